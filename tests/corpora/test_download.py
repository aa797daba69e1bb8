"""Corpora are fetched from a server of our own on loopback: resumed, verified, unpacked safely."""

from __future__ import annotations

import hashlib
import io
import json
import random
import stat
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.servers import serve

from voxaffect.corpora import CORPORA, Download, read_corpus
from voxaffect.corpora.download import download
from voxaffect.corpora.transfer import Transfer
from voxaffect.corpora.unpacking import get_safe_target, unpack
from voxaffect.errors import DownloadError, MissingExtraError

RECORDINGS = ("wav/03a01Fa.wav", "wav/16b10Wb.wav")
# Incompressible, so that the archive is larger than what one response brings below.
SOUND = random.Random(7).randbytes(150_000)

BLOCK = 1 << 15  # bytes


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ARCHIVE = _zip(dict.fromkeys(RECORDINGS, SOUND) | {"__MACOSX/wav/._03a01Fa.wav": b"x"})


@dataclass
class Server:
    """What the server holds, how it misbehaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/emodb.zip": ARCHIVE})
    breaks: list[int] = field(default_factory=list)  # bytes after which answers break off
    knows_ranges: bool = True
    shift: int = 0  # sends another part than was asked for
    asked: list[str | None] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        content = self.files.get(handler.path)
        if content is None:
            return handler.send_error(404)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if asked and self.knows_ranges and start >= len(content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.send_header("Content-Length", "0")
            return handler.end_headers()
        if asked and self.knows_ranges:
            start += self.shift
            handler.send_response(206)
            last = len(content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        else:
            start = 0
            handler.send_response(200)
        body = content[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.breaks.pop(0)] if self.breaks else body)
        return None

    def archive(self, **changes: object) -> Download:
        checksum = "md5:" + hashlib.md5(ARCHIVE).hexdigest()
        given = {"url": f"{self.address}/emodb.zip", "file": "emodb.zip", "checksum": checksum}
        return Download(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()
    with serve(state.answer) as state.address:
        yield state


def _fetch(server: Server, folder: Path, **changes: object) -> Path:
    return download("emodb", folder, downloads=[server.archive(**changes)], progress=False)


def _resume(server: Server, part: Path, *, attempts: int = 3) -> bytes:
    output = part.with_name("output")
    url = f"{server.address}/emodb.zip"
    Transfer(url, part, progress=False, attempts=attempts, pause_seconds=0).fetch(output)
    assert not part.exists()
    return output.read_bytes()


# The whole way


def test_corpus_is_there_after_its_download(server: Server, tmp_path: Path) -> None:
    folder = _fetch(server, tmp_path / "emodb")
    found = read_corpus("emodb", folder)
    assert [utterance.path.name for utterance in found] == ["03a01Fa.wav", "16b10Wb.wav"]
    assert found[0].path.read_bytes() == SOUND
    assert [path.name for path in folder.iterdir()] == ["emodb"]  # nothing is left over


def test_default_folder_is_where_it_is_looked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = download("emodb", downloads=[server.archive()], progress=False)
    assert tmp_path in folder.parents
    assert len(read_corpus("emodb", folder)) == 2


def test_second_download_asks_for_nothing(server: Server, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    _fetch(server, tmp_path)
    assert server.asked == [None]


def test_progress_is_drawn(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download("emodb", tmp_path, downloads=[server.archive()])
    drawn = capsys.readouterr().err
    assert "emodb.zip" in drawn
    assert "unpacking emodb" in drawn
    assert "Downloading data from" not in drawn


def test_checksum_is_asked_of_the_publisher_where_the_table_has_none(
    server: Server, tmp_path: Path
) -> None:
    entry = {"key": "emodb.zip", "size": len(ARCHIVE), "checksum": server.archive().checksum}
    server.files["/record"] = json.dumps({"files": [entry]}).encode()
    listing = f"{server.address}/record"
    assert len(read_corpus("emodb", _fetch(server, tmp_path, checksum=None, listing=listing))) == 2


@pytest.mark.parametrize("record", [b"", b"{}", b'{"files": []}', b'{"files": [{"key": 1}]}'])
def test_record_without_the_archive_is_explained(
    server: Server, tmp_path: Path, record: bytes
) -> None:
    server.files["/record"] = record
    with pytest.raises(DownloadError, match=r"does not state size and checksum of emodb.zip"):
        _fetch(server, tmp_path, checksum=None, listing=f"{server.address}/record")


# Interruptions


def test_broken_connection_is_taken_up_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.breaks = [3 * BLOCK, 2 * BLOCK]
    assert _resume(server, tmp_path / "a.part") == ARCHIVE
    assert server.asked == [None, f"bytes={3 * BLOCK}-", f"bytes={5 * BLOCK}-"]


def test_interrupted_call_is_taken_up_by_the_next(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".download").mkdir()
    (tmp_path / ".download" / "emodb.zip.part").write_bytes(ARCHIVE[:120_000])
    assert len(read_corpus("emodb", _fetch(server, tmp_path))) == 2
    assert server.asked == ["bytes=120000-"]


def test_server_without_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.knows_ranges = False
    part = tmp_path / "a.part"
    part.write_bytes(b"something else")
    assert _resume(server, part) == ARCHIVE


def test_part_that_is_whole_already_is_taken_as_it_is(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    part.write_bytes(ARCHIVE)
    assert _resume(server, part) == ARCHIVE
    assert server.asked == [f"bytes={len(ARCHIVE)}-"]


def test_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    part.write_bytes(ARCHIVE + b"more")
    assert _resume(server, part) == ARCHIVE
    assert server.asked[-1] is None


def test_wrong_part_from_the_server_is_thrown_away(server: Server, tmp_path: Path) -> None:
    server.shift = 5
    part = tmp_path / "a.part"
    part.write_bytes(ARCHIVE[:1000])
    assert _resume(server, part) == ARCHIVE


def test_progress_forgives_earlier_failures(server: Server, tmp_path: Path) -> None:
    server.breaks = [BLOCK] * 8
    assert _resume(server, tmp_path / "a.part", attempts=2) == ARCHIVE


def test_connection_that_brings_nothing_gives_up_and_keeps_the_part(
    server: Server, tmp_path: Path
) -> None:
    server.breaks = [2 * BLOCK, 0, 0, 0]
    part = tmp_path / "a.part"
    with pytest.raises(DownloadError, match=r"no connection, or it broke.*it will resume"):
        _resume(server, part)
    assert part.read_bytes() == ARCHIVE[: 2 * BLOCK]


# Refusals


def test_wrong_checksum_names_expected_and_found(server: Server, tmp_path: Path) -> None:
    right, wrong = server.archive().checksum, "md5:" + "0" * 32
    with pytest.raises(DownloadError, match=f"expected {wrong}, found {right[4:]}"):
        _fetch(server, tmp_path, checksum=wrong)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert len(read_corpus("emodb", _fetch(server, tmp_path))) == 2  # and the next call is free


def test_absent_file_is_named_and_not_tried_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"gone\.zip: the server answered 404"):
        _fetch(server, tmp_path, url=f"{server.address}/gone.zip")
    assert len(server.asked) == 1


def test_absent_record_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="gone: the server answered 404"):
        _fetch(server, tmp_path, checksum=None, listing=f"{server.address}/gone")


def test_no_network_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url = "http://127.0.0.1:9/emodb.zip"
    transfer = Transfer(url, tmp_path / "a.part", progress=False, pause_seconds=0)
    with pytest.raises(DownloadError, match=r"no connection.*Check the network"):
        transfer.fetch(tmp_path / "a")


def test_archive_that_nobody_vouches_for_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="nobody states its checksum"):
        _fetch(server, tmp_path, checksum=None)
    assert server.asked == []


def test_disk_that_is_too_small_is_noticed_first(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="bytes free, 1,000,000,000,000,000,000 are needed"):
        _fetch(server, tmp_path, size=10**18)
    assert server.asked == []


def test_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"file.*cannot be written"):
        _fetch(server, tmp_path / "file")


def test_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[download\]"):
        download("ravdess", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", [name for name, corpus in CORPORA.items() if not corpus.downloads])
def test_corpus_without_an_address_says_what_to_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no direct address") as caught:
        download(name, tmp_path)
    assert CORPORA[name].instructions in str(caught.value)


def test_unknown_archive_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"no archive 'x\.zip'.*Audio_Speech.*Audio_Song"):
        download("ravdess", tmp_path, files=["x.zip"])


def test_optional_archives_come_only_when_named(server: Server, tmp_path: Path) -> None:
    both = [server.archive(), server.archive(file="song.zip", is_optional=True)]
    download("emodb", tmp_path, downloads=both, progress=False)
    assert not (tmp_path / "song").exists()
    download("emodb", tmp_path, files=["song.zip"], downloads=both, progress=False)
    assert (tmp_path / "song").is_dir()


# Unpacking


def _member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo()
    member.filename = name  # as it may stand in a file made by somebody else
    member.external_attr = mode << 16
    return member


HOSTILE = [
    "/etc/x",
    "../x",
    "a/../../x",
    "C:/x",
    "C:x",
    "..\\x",
    "\\\\host\\x",
    "a//b",
    ".",
    "",
    "a/./b",
    "a\x00b",
    "a\nb",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_member_that_may_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(DownloadError, match="may leave the folder"):
        get_safe_target(_member(name), Path("folder"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_link_or_special_file_is_refused(kind: int) -> None:
    with pytest.raises(DownloadError, match="a link or a special file"):
        get_safe_target(_member("a.wav", kind | 0o777), Path("folder"))


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "é", "~", "C:", "\\", "b c"])).map("/".join)
    | st.text(max_size=30)
)
def test_no_member_is_ever_written_outside(name: str) -> None:
    folder = Path("/somewhere/folder")
    try:
        target = get_safe_target(_member(name), folder)
    except DownloadError:
        return
    assert target.is_relative_to(folder)
    assert target != folder
    assert ".." not in target.parts


@pytest.mark.parametrize("name", ["../outside.wav", "/outside.wav"])
def test_unsafe_archive_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(_zip({"good.wav": b"x", name: b"x"}))
    with pytest.raises(DownloadError, match="unsafe archive"):
        unpack(archive, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [archive]


def test_symbolic_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match=r"'link.wav' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(_zip({"zeros.wav": bytes(70_000_000)}))
    with pytest.raises(DownloadError, match=r"would unpack to 70,000,000 bytes"):
        unpack(archive, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [archive]


def test_damaged_member_leaves_no_half_corpus(tmp_path: Path) -> None:
    damaged = bytearray(ARCHIVE)
    damaged[-200_000] ^= 0xFF  # inside the first member's sound
    archive = tmp_path / "a.zip"
    archive.write_bytes(damaged)
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("names", [("a.wav", "A.wav"), ("a", "a/b.wav"), ("a/b.wav", "a")])
def test_members_in_each_others_way_are_the_archives_fault(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(_zip(dict.fromkeys(names, b"x")))
    with pytest.raises(DownloadError, match=r"a\.zip: cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [archive]


def test_archive_that_is_no_zip_is_explained(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"<html>please log in</html>")
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")


def test_leftovers_of_a_killed_unpacking_are_in_nobodys_way(tmp_path: Path) -> None:
    leftover = tmp_path / ".unpacking-out"
    leftover.mkdir()
    (leftover / "half.wav").touch()
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.wav")) == [
        "03a01Fa.wav",
        "16b10Wb.wav",
    ]
