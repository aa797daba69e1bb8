"""A file is written whole or not at all, and any file name can be shown and kept."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, strategies as st

from voxaffect.errors import ModelError, VoxaffectError
from voxaffect.files import (
    escape_control,
    escape_surrogates,
    lock_file,
    read_bounded,
    read_standard_input,
    sync_files,
    walk_unique,
    write_text,
    write_whole,
)

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


# The partial file


@pytest.fixture
def partial(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the name of the next partial file known, as nobody can know it."""
    monkeypatch.setattr(os, "urandom", bytes)
    return path.with_name(f".{path.name}.{bytes(8).hex()}.partial")


@unix
def test_a_link_at_the_name_of_the_partial_file_is_never_followed(
    path: Path, partial: Path
) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    partial.symlink_to(victim)
    with pytest.raises(VoxaffectError, match=r"out\.txt: cannot be written"):
        write_text(path, "new")
    assert victim.read_text() == "precious"
    assert path.read_text() == "the old one"


def test_threads_that_write_one_file_leave_one_of_their_texts(path: Path) -> None:
    texts = ["a" * 300_000, "b" * 300_000]
    for _ in range(30):
        threads = [threading.Thread(target=write_text, args=(path, text)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert path.read_text() in texts
    assert list(path.parent.iterdir()) == [path]


@unix
def test_processes_of_one_number_leave_one_of_their_texts(path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; os.getpid = lambda: 7\n"
        "from voxaffect.files import write_text\n"
        "for _ in range(30): write_text(Path(sys.argv[2]), sys.argv[1] * 300_000)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", program, text, path]) for text in "ab"]
    assert [run.wait() for run in runs] == [0, 0]
    assert path.read_text() in ("a" * 300_000, "b" * 300_000)
    assert list(path.parent.iterdir()) == [path]


@unix
@pytest.mark.parametrize(
    "write_it",
    [
        lambda path: write_text(path, "new"),
        lambda path: [write_text(path, "new", is_alone=False), sync_files([path])],
    ],
    ids=["alone", "of many"],
)
def test_the_next_run_removes_what_a_killed_run_left(
    path: Path, write_it: Callable[[Path], object]
) -> None:
    program = (
        "import os, sys; from pathlib import Path; from voxaffect.files import write_whole\n"
        "write_whole(Path(sys.argv[1]), lambda stream: os.kill(os.getpid(), 9))"
    )
    subprocess.run([sys.executable, "-c", program, path], check=False)
    older = path.with_name(f".{path.name}.4711.partial")  # as version 0.1.0 began to write it
    other = path.with_name(".other.txt.4711.partial")
    older.touch()
    other.touch()
    assert len(list(path.parent.iterdir())) == 4
    write_it(path)
    assert sorted(path.parent.iterdir()) == [other, path]


@unix
def test_what_another_run_is_writing_is_not_litter(path: Path) -> None:
    held = path.with_name(f".{path.name}.4711.partial")
    with held.open("wb") as stream:
        assert lock_file(stream.fileno())
        write_text(path, "new")
        assert held.exists()
    write_text(path, "newer")
    assert list(path.parent.iterdir()) == [path]


@unix
def test_a_link_that_looks_like_litter_removes_nothing_else(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.with_name(f".{path.name}.4711.partial").symlink_to(victim)
    write_text(path, "new")
    assert victim.read_text() == "precious"


@unix
def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_file_is_on_the_disk_before_it_gets_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda stream: [events.append("sync"), sync(stream)])
    monkeypatch.setattr(os, "replace", lambda *paths: [events.append("name"), replace(*paths)])
    write_text(path, "new")
    assert events[:2] == ["sync", "name"]


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
        ("safe\u202egpj.wav", "safe\\u202egpj.wav"),
        ("\u2066a\u2069\u200e\u200f\u061c", "\\u2066a\\u2069\\u200e\\u200f\\u061c"),
        ("a\u200bb\ufeff\u00ad\U000e0041", "a\\u200bb\\ufeff\\xad\\U000e0041"),
        ("\x9b31m", "\\x9b31m"),
        ("\ufffe\ufdd0", "\\ufffe\\ufdd0"),
        ("نامه\u200cها 👩\u200d💻", "نامه\u200cها 👩\u200d💻"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_becomes_an_escape(text: str, expected: str) -> None:
    assert escape_control(text) == expected


@given(st.text(st.characters()))
def test_any_text_is_one_line_and_can_be_encoded(text: str) -> None:
    assert len(escape_control(text).splitlines()) <= 1
    assert escape_control(text).encode().decode() == escape_control(text)
    assert escape_surrogates(text).encode().decode() == escape_surrogates(text)


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
    found = [parent / name for parent, _, names in walk_unique(corpus, print) for name in names]
    assert found == [corpus / "Actor_01" / "a.wav"]


def read(path: str | Path, limit: int = 100) -> bytes:
    return read_bounded(path, limit=limit, what="a model file", error=ModelError)


def test_a_file_is_read_up_to_its_limit_and_not_beyond(path: Path) -> None:
    assert read(path, limit=11) == read(str(path), limit=11) == b"the old one"
    with pytest.raises(ModelError, match=r"out\.txt: too large: .+ 10 bytes, found 11 bytes\.$"):
        read(path, limit=10)


def test_a_file_larger_than_a_block_is_read_whole(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "large").write_bytes(content)
    assert read(tmp_path / "large", limit=len(content)) == content


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing: no such file, expected a model file"),
        ("folder", "folder: is a folder, expected a model file"),
        ("out.txt/x", "x: cannot be read \\(Not a directory\\), expected a model file"),
        ("x" * 300, "cannot be read \\(File name too long\\), expected a model file"),
        ("a\0b", "cannot be read \\(embedded null byte\\), expected a model file"),
        ("loop", "loop: cannot be read \\(Too many levels of symbolic links\\)"),
        ("a\nb", r"a\\nb: no such file"),
    ],
)
@unix
def test_what_is_no_readable_file_is_named_in_a_line(path: Path, name: str, message: str) -> None:
    (path.parent / "folder").mkdir()
    (path.parent / "loop").symlink_to("loop")
    with pytest.raises(ModelError, match=message) as raised:
        read(path.parent / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", [None, 42, b"model.onnx", ["model.onnx"], 0])
def test_what_is_no_path_is_refused_by_its_kind(path: object) -> None:
    with pytest.raises(ModelError, match=f"the path of a model file, found {type(path).__name__}"):
        read(path)  # type: ignore[arg-type]


@unix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(device)
    with pytest.raises(ModelError, match="link: is a device, expected a model file"):
        read(tmp_path / "link")


@unix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_not_called_missing(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(ModelError, match="no permission to read it"):
        read(path)


@unix
def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="pipe: an empty pipe that nothing writes into"):
        read(tmp_path / "pipe")


@unix
@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_a_pipe_is_read_to_its_end_however_late_its_writer_writes(delay: float) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        time.sleep(delay)
        with os.fdopen(writing, "wb") as stream:
            stream.write(b"first,")
            stream.flush()
            time.sleep(delay)
            stream.write(b"second")

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(delay / 2)
    assert read(f"/dev/fd/{reading}") == b"first,second"
    thread.join()
    os.close(reading)


@unix
def test_an_endless_pipe_ends_at_the_limit() -> None:
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        assert endless.stdout is not None
        with pytest.raises(ModelError, match="at most 5,000,000 bytes, found more"):
            read(f"/dev/fd/{endless.stdout.fileno()}", limit=5_000_000)
        endless.kill()


def test_standard_input_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(content: bytes) -> bytes:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_standard_input(limit=5, what="a list of recordings", error=ModelError)

    assert read(b"a\r\nb\n") == b"a\r\nb\n"
    with pytest.raises(ModelError, match="-: too large: expected a list of recordings, at most 5"):
        read(b"123456")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ModelError, match=r"standard input is closed\. Pipe a list of recordings"):
        read_standard_input(limit=5, what="a list of recordings", error=ModelError)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such path")
def test_folders_nested_deeper_than_python_recurses_are_searched(tmp_path: Path) -> None:
    (tmp_path / "beside.wav").touch()
    folders = [tmp_path / "d"]
    while len(folders) <= sys.getrecursionlimit():
        folders.append(folders[-1] / "d")
    try:
        for folder in folders:
            folder.mkdir()
        (folders[-1] / "deep.wav").touch()
        errors: list[OSError] = []
        names = [name for _, _, names in walk_unique(tmp_path, errors.append) for name in names]
        assert (names, errors) == (["beside.wav", "deep.wav"], [])
    finally:  # pytest itself would fail to
        (folders[-1] / "deep.wav").unlink(missing_ok=True)
        for folder in reversed(folders):
            folder.rmdir()


def test_a_folder_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    errors: list[OSError] = []
    assert [*walk_unique(tmp_path / "gone", errors.append)] == []
    assert [error.filename for error in errors] == [str(tmp_path / "gone")]
    assert [*walk_unique(Path("a\0b"), errors.append)] == []
    assert len(errors) == 2
