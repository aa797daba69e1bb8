"""``voxaffect encoders`` from the command line."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from support.encoders import list_members, make_arrays, pack_openai, write_openai
from support.servers import serve

from voxaffect.cli import main
from voxaffect.training.encoders import ENCODERS

CONTENT = pack_openai(list_members(make_arrays()))


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VOXAFFECT_ENCODERS", str(tmp_path / "encoders"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "encoders"


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["encoders", *map(str, arguments)])
    return int(caught.value.code or 0)


def test_every_encoder_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("list") == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[1 : 1 + len(ENCODERS)]] == list(ENCODERS)


def test_an_encoder_is_described_with_license_and_caution(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run("info", "base") == 0
    out = capsys.readouterr().out
    for text in ("MIT", "6 layers of width 512", ENCODERS["base"].url, "subjective classification"):
        assert text in out


def test_a_file_of_weights_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_openai(tmp_path / "mine.pt", make_arrays())
    assert _run("info", path) == 0
    out = capsys.readouterr().out
    assert "2 layers of width 16, 2 heads, 8 mel bands" in out
    assert "license     unknown" in out


def test_unknown_encoders_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("info", "huge"), ("download", "huge")):
        assert _run(*arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("ModelError: ")
        assert error.count("\n") == 1


def test_an_encoder_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(CONTENT)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(CONTENT)  # type: ignore[attr-defined]

    with serve(answer) as address:
        tiny = replace(
            ENCODERS["tiny"],
            url=f"{address}/tiny.pt",
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            bytes=len(CONTENT),
        )
        known = MappingProxyType({"tiny": tiny})
        monkeypatch.setattr("voxaffect.training.encoders.catalog.ENCODERS", known)
        assert _run("download", "tiny") == 0
    assert (folder / "tiny.pt").read_bytes() == CONTENT
    done = capsys.readouterr()
    assert f"Whisper tiny is in {folder / 'tiny.pt'}" in done.out
    assert "MIT" in done.err
    assert _run("info", "tiny") == 0
    assert f"here        {folder / 'tiny.pt'}" in capsys.readouterr().out
