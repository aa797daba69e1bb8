"""A file is written whole or not at all, and any file name can be shown and kept."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxaffect.errors import VoxaffectError
from voxaffect.files import encodable, printable, walked, write_text, write_whole

unix = pytest.mark.skipif(sys.platform == "win32", reason="devices and modes as Unix has them")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "out.txt").write_text("the old one")
    return tmp_path / "out.txt"


def half(error: BaseException) -> object:
    """Return a writer that fails midway."""

    def write(stream: BinaryIO) -> None:
        stream.write(b"half of")
        raise error

    return write


def test_the_new_file_replaces_the_old_and_leaves_no_other(path: Path) -> None:
    write_whole(path, lambda stream: stream.write(b"new"))
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), SystemExit(3)])
def test_any_failure_leaves_the_old_file_alone(path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_whole(path, half(error))  # type: ignore[arg-type]
    assert path.read_text() == "the old one"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), UnicodeEncodeError("utf-8", "x", 0, 1, "reason")],
)
def test_what_cannot_be_written_is_named(path: Path, error: Exception) -> None:
    with pytest.raises(VoxaffectError, match=r"out\.txt: cannot be written \(.+\)\.$"):
        write_whole(path, half(error))  # type: ignore[arg-type]
    assert path.read_text() == "the old one"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("place", [".", "no/folder/out.txt", "out.txt/within", "a\udcff\ud800"])
def test_a_place_where_no_file_can_be_is_named(path: Path, place: str) -> None:
    with pytest.raises(VoxaffectError, match=r"cannot be written \(.+\)\.$") as caught:
        write_text(path.parent / place, "text")
    assert str(caught.value).isprintable()


@unix
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed(path: Path, is_there: bool) -> None:
    link = path.parent / "sub" / "link"
    link.parent.mkdir()
    link.symlink_to("../out.txt")
    if not is_there:
        path.unlink()
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert list(link.parent.iterdir()) == [link]


@unix
def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(VoxaffectError, match="Too many levels of symbolic links"):
        write_text(tmp_path / "loop", "new")


def test_a_name_as_long_as_a_disk_takes_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".csv")
    write_text(path, "text")
    assert [*tmp_path.iterdir()] == [path]


@unix
def test_permissions_are_kept(path: Path) -> None:
    path.chmod(0o640)
    write_text(path, "new")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_may_not_be_written_is_not_replaced(path: Path) -> None:
    path.chmod(0o400)
    with pytest.raises(VoxaffectError, match="Permission denied"):
        write_text(path, "new")
    assert path.read_text() == "the old one"


@unix
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(pipe, "new")
    reader.join(30)
    assert found == ["new"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_named_and_stays() -> None:
    with pytest.raises(VoxaffectError, match=r"/dev/full: cannot be written .No space left"):
        write_text(Path("/dev/full"), "new")
    assert Path("/dev/full").is_char_device()


def test_text_keeps_its_line_ends_and_escapes_surrogates(path: Path) -> None:
    write_text(path, "Ä\r\n\udcff\n")
    assert path.read_bytes() == "Ä\r\n\\udcff\n".encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ärger 😀 b.wav", "Ärger 😀 b.wav"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\udcff", "\\udcff"),
        ("a\\b", "a\\b"),
    ],
)
def test_controls_and_surrogates_become_escapes(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(st.text(st.characters()))
def test_any_text_is_one_line_and_can_be_encoded(text: str) -> None:
    assert len(printable(text).splitlines()) <= 1
    assert printable(text).encode().decode() == printable(text)
    assert encodable(text).encode().decode() == encodable(text)


@unix
def test_links_to_folders_are_followed_once_each_and_never_for_ever(tmp_path: Path) -> None:
    archive, corpus = tmp_path / "archive" / "Actor_01", tmp_path / "corpus"
    archive.mkdir(parents=True)
    corpus.mkdir()
    (archive / "a.wav").touch()
    (archive / "up").symlink_to("..")
    (corpus / "Actor_01").symlink_to(archive)
    (corpus / "Actor_02").symlink_to(archive)
    (corpus / "round").symlink_to(corpus)
    found = [parent / name for parent, _, names in walked(corpus, print) for name in names]
    assert found == [corpus / "Actor_01" / "a.wav"]
