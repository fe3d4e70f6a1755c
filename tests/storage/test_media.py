"""The folder of images: files appear whole or not at all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headrace.errors import ConfigError
from headrace.ids import RandomIds
from headrace.storage.media import MediaFolder, file_name


def folder(path: Path) -> MediaFolder:
    """Return a folder within that of a test."""
    return MediaFolder(path / "media", RandomIds())


def files(path: Path) -> list[str]:
    """Return the names of all files below a folder."""
    return sorted(one.name for one in path.rglob("*") if one.is_file())


def test_a_file_is_found_under_the_name_of_its_content(tmp_path: Path) -> None:
    """By its own account only."""
    media = folder(tmp_path)
    name = file_name(media.write("Shop01", b"content", "png"), "png")
    found = media.find("Shop01", name)
    assert found is not None
    assert b"content" == found.read_bytes()
    assert [None] * 5 == [
        media.find("Shop02", name),
        media.find("Shop01", name.replace(".png", ".gif")),
        media.find("Shop01", name + "/"),
        media.find("..", name),
        media.find("Shop01", "../Shop01/" + name),
    ]


def test_a_write_that_breaks_off_leaves_nothing_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor its draft, and the next write succeeds."""
    media = folder(tmp_path)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(ConfigError, match="No space left on device"):
            media.write("Shop01", b"content", "png")
    assert [] == files(tmp_path)
    media.write("Shop01", b"content", "png")
    assert 1 == len(files(tmp_path))


def test_a_name_is_given_after_the_content_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file which has its name is whole, whenever the machine stops."""
    media, seen = folder(tmp_path), []
    sync = os.fsync

    def watch(handle: int) -> None:
        seen.append([name.startswith(".") for name in files(tmp_path)])
        sync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    media.write("Shop01", b"content", "png")
    assert [[True], [False], [False]] == seen


def test_many_may_write_the_same_at_once(tmp_path: Path) -> None:
    """All get the same name, and one file is left."""
    media = folder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: media.write("Shop01", b"x" * 100_000, "png"), range(40)))
    assert (1, 1) == (len(digests), len(files(tmp_path)))
