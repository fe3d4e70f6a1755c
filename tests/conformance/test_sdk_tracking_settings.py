"""The official SDK reads and changes what an account adds to its links."""

from __future__ import annotations

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, ids_of, refused
from served import Served


def test_the_sdk_reads_tracking_settings(klaviyo: KlaviyoAPI, served: Served) -> None:
    """As a list of one, by the account's id, and with as few fields as are asked for."""
    settings = klaviyo.Tracking_Settings
    assert [served.account_id] == ids_of(settings.get_tracking_settings(page_size=1))
    one = data(settings.get_tracking_setting(served.account_id))["attributes"]
    assert {"type": "dynamic", "value": "flow_name"} == one["utm_source"]["flow"]
    few = data(settings.get_tracking_setting(served.account_id, fields_tracking_setting=["utm_medium.flow"]))
    assert {"utm_medium": {"flow": {"type": "dynamic", "value": "message_type"}}} == few["attributes"]
    with refused(404, "ABC123"):
        settings.get_tracking_setting("ABC123")


def test_the_sdk_changes_tracking_settings(klaviyo: KlaviyoAPI, served: Served) -> None:
    """Some of them, and the rest stays; a rule that is broken is told."""
    settings, own = klaviyo.Tracking_Settings, served.account_id
    asked = {
        "auto_add_parameters": True,
        "utm_id": {"flow": {"type": "dynamic", "value": "flow_id"}},
        "custom_parameters": [{"name": "shop", "flow": {"type": "static", "value": "north"}}],
    }
    changed = data(settings.update_tracking_setting(own, body("tracking-setting", asked, own)))["attributes"]
    assert (True, "flow_id", "north") == (
        changed["auto_add_parameters"],
        changed["utm_id"]["flow"]["value"],
        changed["custom_parameters"][0]["flow"]["value"],
    )
    assert "flow_name" == changed["utm_source"]["flow"]["value"]
    many = {"custom_parameters": [{"name": f"p{number}"} for number in range(6)]}
    with refused(400, "/data/attributes/custom_parameters", "at most 5"):
        settings.update_tracking_setting(own, body("tracking-setting", many, own))
