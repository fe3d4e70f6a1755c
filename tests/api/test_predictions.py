"""Predictions about people: stored by an operation, shown on request, asked by conditions."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from people import made_profile, pointers


def predictions(profile_id: str, **attributes: Any) -> dict[str, Any]:
    """Return the body that stores predictions."""
    return {"data": {"type": "headrace-predictions", "id": profile_id, "attributes": attributes}}


async def stored(api: Api, profile_id: str, **attributes: Any) -> Any:
    """Store predictions and return the answer."""
    return await api.patch(f"/headrace/profiles/{profile_id}/predictions", predictions(profile_id, **attributes))


async def analytics(api: Api, profile_id: str) -> dict[str, Any]:
    """Return what the API shows of predictions."""
    answer = await api.get(f"/api/profiles/{profile_id}?additional-fields[profile]=predictive_analytics")
    shown: dict[str, Any] = answer.json()["data"]["attributes"]["predictive_analytics"]
    return shown


async def test_without_predictions_each_is_null(api: Api) -> None:
    """A profile without predictions shows every one as null."""
    shown = await analytics(api, await made_profile(api, email="a@b.co"))
    assert 10 == len(shown)
    assert {None} == set(shown.values())


async def test_stored_predictions_are_shown(api: Api) -> None:
    """Numbers, the date of the next order and the order of channels are shown as they were stored."""
    profile_id = await made_profile(api, email="a@b.co")
    answer = await stored(
        api,
        profile_id,
        predicted_clv=27.5,
        churn_probability=0.89,
        predicted_gender="uncertain",
        expected_date_of_next_purchase="2026-12-01T00:00:00+01:00",
        channel_affinity={"email": {"priority": 2, "rank": "low"}, "sms": {"priority": 1}},
    )
    assert 200 == answer.status_code, answer.text
    shown = await analytics(api, profile_id)
    assert (27.5, 0.89, None, ["sms", "email"]) == tuple(
        shown[name] for name in ("predicted_clv", "churn_probability", "historic_clv", "ranked_channel_affinity")
    )
    assert "2026-11-30T23:00:00+00:00" == shown["expected_date_of_next_order"]
    read = (await api.get(f"/headrace/profiles/{profile_id}/predictions")).json()["data"]["attributes"]
    assert ("uncertain", {"priority": 1}) == (read["predicted_gender"], read["channel_affinity"]["sms"])


async def test_null_removes_a_prediction_and_the_rest_stays(api: Api) -> None:
    """What a change does not name stays as it is; null removes."""
    profile_id = await made_profile(api, email="a@b.co")
    await stored(api, profile_id, predicted_clv=1, total_clv=2)
    await stored(api, profile_id, predicted_clv=None, historic_clv=3)
    shown = await analytics(api, profile_id)
    assert (None, 2, 3) == (shown["predicted_clv"], shown["total_clv"], shown["historic_clv"])


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"churn_probability": 1.5}, "churn_probability"),
        ({"predicted_clv": "27"}, "predicted_clv"),
        ({"predicted_gender": "maybe"}, "predicted_gender"),
        ({"expected_date_of_next_purchase": "soon"}, "expected_date_of_next_purchase"),
        ({"channel_affinity": {"email": {"rank": "huge"}}}, "channel_affinity/email/rank"),
        ({"shoe_size": 44}, "shoe_size"),
    ],
)
async def test_bad_predictions_are_pointed_to(api: Api, attributes: dict[str, Any], pointer: str) -> None:
    """Each mistake is a 400 that points to it."""
    answer = await stored(api, await made_profile(api, email="a@b.co"), **attributes)
    assert (400, [f"/data/attributes/{pointer}"]) == (answer.status_code, pointers(answer))


async def test_predictions_of_nobody_are_not_found(api: Api) -> None:
    """Storing predictions about somebody unknown is a 404."""
    assert 404 == (await stored(api, "01NOBODY", predicted_clv=1)).status_code
