"""Encoders are fetched from a server of our own on loopback, and found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.encoders import WIDTH, list_members, make_arrays, pack_openai, write_ctranslate2
from support.servers import serve

import voxaffect as va
from voxaffect.errors import DownloadError, MissingExtraError, ModelError
from voxaffect.training.encoders import (
    ENCODERS,
    EncoderSource,
    find_encoder,
    get_encoder,
    get_encoder_folder,
    load_weights,
)
from voxaffect.training.encoders.catalog import identify_encoder

CONTENT = pack_openai(list_members(make_arrays()))


@dataclass
class Server:
    """Server of one file, which breaks off answers and counts requests."""

    address: str = ""
    content: bytes = CONTENT
    breaks: list[int] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = self.content[start:]
        handler.send_response(206 if asked else 200)
        if asked:
            last = len(self.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.breaks.pop(0)] if self.breaks else body)

    @property
    def source(self) -> EncoderSource:
        return replace(
            ENCODERS["tiny"],
            url=f"{self.address}/tiny.pt",
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            bytes=len(CONTENT),
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()
    with serve(state.answer) as state.address:
        yield state


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VOXAFFECT_ENCODERS", str(tmp_path / "encoders"))
    return tmp_path / "encoders"


def _download(server: Server, folder: Path | None = None) -> Path:
    return va.download_encoder("tiny", folder, source=server.source, progress=False)


# The catalog


@pytest.mark.parametrize("source", ENCODERS.values(), ids=list(ENCODERS))
def test_addresses_hold_the_checksum_as_openai_writes_them(source: EncoderSource) -> None:
    start = "https://openaipublic.azureedge.net/main/whisper/models"
    assert source.url == f"{start}/{source.sha256}/{source.name}.pt"
    assert len(bytes.fromhex(source.sha256)) == 32
    assert source.file == f"{source.name}.pt"
    assert source.width == 64 * source.heads
    assert source.license == "MIT"
    assert identify_encoder(source.sha256) is source


def test_files_hold_every_number_of_the_encoder_and_more() -> None:
    for source in ENCODERS.values():
        layer = 12 * source.width**2
        assert source.bytes > 2 * source.layers * layer  # two bytes a number


def test_known_conversions_have_the_name_and_license_of_the_catalog() -> None:
    base = identify_encoder("905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57")
    tiny = identify_encoder("1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a")
    assert base is ENCODERS["base"]
    assert tiny is ENCODERS["tiny.en"]
    assert identify_encoder("0" * 64) is None


def test_weights_of_the_catalog_have_its_name_and_license(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server
) -> None:
    monkeypatch.setattr(
        "voxaffect.training.encoders.catalog._BY_CHECKSUM", {server.source.sha256: server.source}
    )
    (tmp_path / "mine.pt").write_bytes(CONTENT)
    weights = load_weights(tmp_path / "mine.pt")
    assert (weights.name, weights.license, weights.width) == ("tiny", "MIT", WIDTH)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    for call in (get_encoder, va.download_encoder, find_encoder):
        with pytest.raises(ModelError, match=r"Choose from tiny, tiny\.en, base"):
            call("huge")


# The folder


def test_an_encoder_that_is_missing_is_named_with_its_command(folder: Path) -> None:
    with pytest.raises(ModelError, match="voxaffect encoders download base;") as caught:
        find_encoder("base")
    assert str(folder) in str(caught.value)


def test_the_folder_is_the_users_own_without_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VOXAFFECT_ENCODERS")
    monkeypatch.setattr(
        "voxaffect.training.encoders.store.find_data_folder", lambda: tmp_path / "data"
    )
    assert get_encoder_folder() == tmp_path / "data" / "encoders"
    monkeypatch.setattr("voxaffect.training.encoders.store.find_data_folder", lambda: None)
    with pytest.raises(ModelError, match="Set VOXAFFECT_ENCODERS"):
        get_encoder_folder()


def test_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write_ctranslate2(tmp_path / "model.bin", make_arrays())
    assert find_encoder(path) == find_encoder(str(path)) == path
    assert find_encoder(tmp_path) == tmp_path


def test_a_folder_of_the_name_holds_the_weights_in_another_format(folder: Path) -> None:
    (folder / "base").mkdir(parents=True)
    write_ctranslate2(folder / "base" / "model.bin", make_arrays())
    assert load_weights(find_encoder("base")).name == "base"


# The download


def test_a_downloaded_encoder_is_found_and_read(server: Server, folder: Path) -> None:
    path = _download(server)
    assert path == folder / "tiny.pt" == find_encoder("tiny")
    assert load_weights(path).sha256 == server.source.sha256
    assert [item.name for item in folder.iterdir()] == ["tiny.pt"]  # nothing is left over


def test_what_is_there_is_not_fetched_again(server: Server) -> None:
    _download(server)
    _download(server)
    assert len(server.ranges) == 1


def test_a_damaged_file_is_fetched_again(server: Server) -> None:
    path = _download(server)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert _download(server).read_bytes() == CONTENT


def test_an_interrupted_download_is_taken_up(server: Server, tmp_path: Path) -> None:
    server.breaks = [5_000]
    assert _download(server, tmp_path / "other").read_bytes() == CONTENT
    assert server.ranges[0] is None
    assert str(server.ranges[1]).startswith("bytes=")


def test_another_checksum_is_refused_and_nothing_stays(server: Server, folder: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(DownloadError, match="wrong checksum"):
        _download(server)
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_another_size_is_refused(server: Server) -> None:
    server.content = CONTENT + b"x"
    with pytest.raises(DownloadError, match="expected"):
        _download(server)


def test_no_space_and_no_folder_are_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"cannot be written.*--to, or set VOXAFFECT_ENCODERS"):
        _download(server, tmp_path / "file")
    usage = type("usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match="10 bytes free"):
        _download(server)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, server: Server, folder: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "requests", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[download\]"):
        _download(server)
    assert not folder.exists()
