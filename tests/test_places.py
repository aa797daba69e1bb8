"""No two recordings write to the same file."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxaffect.formats import places

CASES = {
    "one recording": (["/data/call.wav"], ["call"]),
    "same name in two folders": (["c/may/a.wav", "c/june/a.wav"], ["may/a", "june/a"]),
    "two extensions": (["a.wav", "a.flac", "b.wav"], ["a.wav", "a.flac", "b"]),
    "capitals alone": (["A.wav", "a.wav"], ["A.wav", "a.wav-2"]),
    "the same file by two paths": (["x/a.wav", "y/../x/a.wav"], ["a.wav", "a.wav-2"]),
    "a name that is another's full name": (
        ["a.wav", "a.ogg", "a.wav.ogg"], ["a.wav", "a.ogg", "a.wav-2"]
    ),
    "no file": (["-"], ["stdin"]),
    "dots within": (["call.v2.wav"], ["call.v2"]),
    "long names": (["x" * 251 + ".wav", "x" * 250 + "y.wav", "é" * 125 + ".wav"],
                   ["x" * 200, "x" * 200 + "-2", "é" * 100]),
    "none": ([], []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_recording_has_a_place_of_its_own(case: str) -> None:
    sources, expected = CASES[case]
    assert places(sources) == dict(zip(sources, map(PurePath, expected), strict=True))


names = st.text("aA.w/", min_size=1, max_size=6).map(lambda name: f"r/{name}")


@given(st.lists(names, unique=True, max_size=20))
def test_places_are_unique_on_any_disk_and_stay_inside(sources: list[str]) -> None:
    found = places(sources)
    assert list(found) == sources
    assert len({str(path).casefold() for path in found.values()}) == len(sources)
    assert not any(path.is_absolute() or ".." in path.parts for path in found.values())
