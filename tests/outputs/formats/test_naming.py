"""No two recordings write to the same file."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import PurePath, PureWindowsPath

import pytest
from hypothesis import given, strategies as st

from voxaffect.outputs.formats.naming import name_outputs

CASES = {
    "one recording": (["/data/call.wav"], ["call"]),
    "same name in two folders": (["c/may/a.wav", "c/june/a.wav"], ["may/a", "june/a"]),
    "two extensions": (["a.wav", "a.flac", "b.wav"], ["a.wav", "a.flac", "b"]),
    "capitals alone": (["A.wav", "a.wav"], ["A.wav", "a.wav-2"]),
    "the same file by two paths": (["x/a.wav", "y/../x/a.wav"], ["a.wav", "a.wav-2"]),
    "a name that is another's full name": (
        ["a.wav", "a.ogg", "a.wav.ogg"],
        ["a.wav", "a.ogg", "a.wav-2"],
    ),
    "no file": (["-"], ["stdin"]),
    "dots within": (["call.v2.wav"], ["call.v2"]),
    "long names": (
        ["x" * 251 + ".wav", "x" * 250 + "y.wav", "é" * 125 + ".wav"],
        ["x" * 200, "x" * 200 + "-2", "é" * 100],
    ),
    "none": ([], []),
    "two slashes, as $DIR/$FILE gives with DIR=/": (["//a.wav"], ["a"]),
    "two slashes beside one": (["//a.wav", "/b/a.wav"], ["a", "b/a"]),
    "the root": (["/"], ["root"]),
    "names of dots alone": (["x/...", "x/....wav"], ["...", "....wav"]),
    "one letter in two spellings": (["\u00e9.wav", "e\u0301.wav"], ["\u00e9.wav", "e\u0301.wav-2"]),
    "a slash at the end": (["a.wav/", "b/a.wav"], ["a", "b/a"]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_recording_has_a_place_of_its_own(case: str) -> None:
    sources, expected = CASES[case]
    assert name_outputs(sources) == dict(zip(sources, map(PurePath, expected), strict=True))


names = st.text("aA.w/\u00e9e\u0301~ -", min_size=1, max_size=6).map(lambda name: f"r/{name}")
any_name = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def key(path: PurePath) -> str:
    """Name as a disk compares it that ignores capitals and normalizes letters."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", str(path)).casefold())


@given(st.lists(names | any_name | any_name.map("//{}".format), unique=True, max_size=20))
def test_places_are_unique_on_any_disk_and_stay_inside(sources: list[str]) -> None:
    found = name_outputs(sources)
    assert list(found) == sources
    assert len(set(map(key, found.values()))) == len(sources)
    assert not any(path.is_absolute() or ".." in path.parts for path in found.values())
    assert all(path.name for path in found.values())
    assert all(path.with_name(f"{path.name}.2.TextGrid") for path in found.values())


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["C:\\calls\\a.wav", "D:\\calls\\a.wav"], ["C/calls/a", "D/calls/a"]),
        (["C:\\calls\\a.wav", "C:\\b.wav"], ["calls/a", "b"]),
        (["\\\\server\\share\\a.wav", "C:\\a.wav"], ["servershare/a", "C/a"]),
    ],
    ids=["two drives", "one drive", "a server"],
)
def test_a_drive_of_windows_is_a_folder_where_it_tells_recordings_apart(
    monkeypatch: pytest.MonkeyPatch, sources: list[str], expected: list[str]
) -> None:
    monkeypatch.setattr(sys.modules[name_outputs.__module__], "Path", PureWindowsPath)
    monkeypatch.setattr(os.path, "abspath", str)
    assert list(name_outputs(sources).values()) == [PurePath(name) for name in expected]
