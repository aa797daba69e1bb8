"""A list of recordings is read as people's programs write it."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from voxaffect.cli.lists import read_list
from voxaffect.errors import AudioError

NAMES = ["a.wav", "Ä 中.wav", "b c.flac"]
TEXT = "\r\n".join(NAMES) + "\r\n"
CONTENTS = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with its mark": codecs.BOM_UTF8 + TEXT.encode(),
    "UTF-16 with its mark, as PowerShell": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "UTF-16, the other way round": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 without a mark, the other way round": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "zero bytes, as find -print0": "\0".join([*NAMES, ""]).encode(),
    "quotation marks, as Windows copies paths": "".join(f'"{name}"\n' for name in NAMES).encode(),
    "blanks": "".join(f"  {name}\t \n\n" for name in NAMES).encode(),
    "comments": "".join(f"# take\n{name}\n" for name in NAMES).encode(),
    "ends of lines of an old Mac": "\r".join(NAMES).encode(),
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "list.txt"


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_list_of_any_kind_gives_its_names(path: Path, kind: str) -> None:
    path.write_bytes(CONTENTS[kind])
    assert read_list(path) == NAMES


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")
@pytest.mark.parametrize("name", ['"a".wav"', " a.wav ", "#1.wav", "~a.wav", "\u2028a\x1c.wav"])
def test_a_file_that_is_there_keeps_its_name(path: Path, name: str) -> None:
    Path(name).touch()
    path.write_text(f"{name}\n", encoding="utf-8")
    assert read_list(path) == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="disks of others take names in UTF-8 alone")
def test_a_name_of_any_bytes_is_read_if_there_is_such_a_file(path: Path) -> None:
    Path(os.fsdecode(b"\xc4.wav")).touch()
    path.write_bytes(b"\xc4.wav\nb.wav\n")
    assert read_list(path) == ["\udcc4.wav", "b.wav"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a.wav\n\xc4rger.wav\n", "line 2 is not UTF-8, and no file here has such a name"),
        (codecs.BOM_UTF16_LE + b"a\0b", "begins as UTF-16 and is none"),
        (b"", "the list is empty"),
        (b"# take\n\n", "the list is empty"),
    ],
    ids=["Latin-1", "half a letter", "empty", "comments alone"],
)
def test_what_is_no_list_gets_one_line(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as caught:
        read_list(path)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=40))
def test_any_bytes_are_names_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    try:
        outcome = read_list(path)
    except AudioError as error:
        outcome = [str(error)]
    assert outcome
    assert all(outcome)
