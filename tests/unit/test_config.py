"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.config import Config
from headrace.errors import ConfigError


@pytest.mark.parametrize(("given", "expected"), [(None, "inbox"), ("", "inbox"), ("https", "https"), ("http", "http")])
def test_webhooks_are_kept_unless_they_are_to_be_sent(given: str | None, expected: str) -> None:
    """The default of a local stand-in sends nothing."""
    environment = {} if given is None else {"HEADRACE_WEBHOOKS": given}
    assert expected == Config.from_environment(environment).webhooks


def test_a_setting_that_is_none_is_refused() -> None:
    """The error names the variable, the value and the rule."""
    with pytest.raises(ConfigError, match="HEADRACE_WEBHOOKS is 'yes'; it must be one of inbox, https, http"):
        Config.from_environment({"HEADRACE_WEBHOOKS": "yes"})


def test_images_come_from_the_internet_unless_told_otherwise() -> None:
    """And lie in the folder that is named."""
    assert (None, "public") == (Config.from_environment({}).media_dir, Config.from_environment({}).image_sources)
    environment = {"HEADRACE_MEDIA_DIR": "/srv/images", "HEADRACE_IMAGE_SOURCES": "any"}
    read = Config.from_environment(environment)
    assert (Path("/srv/images"), "any") == (read.media_dir, read.image_sources)
    with pytest.raises(ConfigError, match="HEADRACE_IMAGE_SOURCES is 'all'; it must be one of public, any"):
        Config.from_environment({"HEADRACE_IMAGE_SOURCES": "all"})
