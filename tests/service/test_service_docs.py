"""The examples of docs/in-a-service.md run, and its table lists every setting."""

from __future__ import annotations

import re
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.browsers import microphone_flags, open_browser
from support.servers import serve
from support.services import EXAMPLE, Service, run_service

from voxaffect.cli import main
from voxaffect.errors import ArgumentError
from voxaffect.service.server import NOTICE
from voxaffect.service.settings import Settings, read_settings

PAGE = Path(__file__).parents[2] / "docs" / "in-a-service.md"
TEXT = PAGE.read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:8000"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
CURLS = [
    line
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.replace("\\\n", "").splitlines()
]
PROGRAMS = [block for kind, block in BLOCKS if kind == "python"]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("call.wav").write_bytes(EXAMPLE)
    Path("call.rttm").write_text("SPEAKER call 1 0 3 <NA> <NA> anna <NA> <NA>\n", encoding="ascii")
    Path("call.srt").write_text("1\n00:00:00,000 --> 00:00:03,000\nHello.\n", encoding="ascii")


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize("line", CURLS)
def test_a_line_of_curl_is_answered(service: Service, line: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    command = line.replace(ADDRESS, f"127.0.0.1:{service.port}") + " -sS --fail --noproxy '*'"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "neutral" in done.stdout


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_an_emotion(
    service: Service, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(program.replace(ADDRESS, f"127.0.0.1:{service.port}"), {})
    assert "neutral" in capsys.readouterr().out


HEARD = """
  const events = [], button = document.createElement("button");
  button.textContent = "Listen";
  button.onclick = async () => { window.end = await listen((event) => events.push(event)); };
  document.body.append(button);
  window.events = events;
"""


@pytest.mark.slow
def test_a_page_sends_its_microphone(tmp_path: Path) -> None:
    (program,) = (block for kind, block in BLOCKS if kind == "js")
    recording = tmp_path / "microphone.wav"
    recording.write_bytes(EXAMPLE)
    page = ""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html; charset=utf-8")
        request.end_headers()
        request.wfile.write(page.encode())

    with (
        serve(answer) as origin,
        run_service(tmp_path / "log", cors_origins=origin) as service,
        open_browser(*microphone_flags(recording)) as browser,
    ):
        program = program.replace(ADDRESS, f"127.0.0.1:{service.port}")
        page = f"<!doctype html><body><script>{program}{HEARD}</script>"
        types = listen_for(browser.new_page(), origin, seconds=10)
    assert types[0] == "session.created"
    assert {"speech.started", "emotion.window", "emotion.segment"} <= set(types)
    assert types[-1] == "session.closed"


def listen_for(page: Any, address: str, seconds: float) -> list[str]:
    """Types of the events that a page gets until its stream is closed."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.get_by_role("button").click()
    page.wait_for_function("window.end && events.length > 0", timeout=60_000)
    page.wait_for_timeout(1000 * seconds)
    page.evaluate("window.end()")
    closed = "events.at(-1).type === 'session.closed'"
    page.wait_for_function(closed, timeout=60_000)
    types: list[str] = page.evaluate("events.map((event) => event.type)")
    assert [text for text in complaints if "favicon" not in text] == []
    return types


def describe_settings() -> str:
    """Rows of the table of settings."""
    rows = ["| setting | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        rows.append(f"| `{name}` | {f'`{shown}`' if shown != '' else ''} | {field.description} |")
    return "\n".join(rows) + "\n"


def test_the_table_lists_every_setting() -> None:
    table = TEXT.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert table == describe_settings()


def test_the_law_is_stated_when_the_server_starts(service: Service) -> None:
    assert "Article 5(1)(f)" in NOTICE
    assert service.log.read_text(encoding="utf-8").count(NOTICE) == 1


def test_flags_come_before_variables_and_variables_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "serve.toml"
    path.write_text('queue = 1\nmax_seconds = 1\nport = 1\nmodels = ["fast"]\nmax_body_bytes="2MB"')
    monkeypatch.setenv("VOXAFFECT_SERVE_MAX_SECONDS", "2")
    monkeypatch.setenv("VOXAFFECT_SERVE_PORT", "2")
    settings = read_settings(path, port="3")
    assert (settings.queue, settings.max_seconds, settings.port) == (1, 2, 3)
    assert settings.models == ("fast",)
    assert settings.default_stream_model == "fast"
    assert settings.max_body_bytes == 2_000_000


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"port": 70_000}, "port: .* less than or equal to 65535, found 70000"),
        ({"max_seconds": "nan"}, "max_seconds: .* finite"),
        ({"token": "short secret"}, "token: 16 to 256 letters"),
        ({"stream_model": "fast", "models": "accurate"}, "stream_model: expected one of models"),
        ({"colour": 1}, "colour: is no setting; there are host, port"),
        ({"models": ""}, "models: "),
    ],
)
def test_a_setting_at_fault_is_named(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        read_settings(**flags)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["queue = ", "= 1", "colour = 1"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(content)
    with pytest.raises(ArgumentError):
        read_settings(path)
    with pytest.raises(ArgumentError, match="no such file"):
        read_settings(tmp_path / "other.toml")


def test_a_port_that_is_taken_is_named(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", str(service.port), "--models", "fast"])
    assert ended.value.code == 1
    assert "Choose another with --port" in capsys.readouterr().err


def test_the_token_has_no_flag_that_others_could_see(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    out = capsys.readouterr().out
    assert "--token-file" in out
    assert "--token " not in out


@pytest.mark.slow
def test_several_server_processes_share_a_port(tmp_path: Path) -> None:
    with run_service(tmp_path / "log", workers=2, concurrency=1) as running:
        assert [running.post().status_code for _ in range(3)] == [200] * 3
        assert running.stop() == 0
        log = running.log.read_text(encoding="utf-8")
    assert log.count("listening on") == 1
    assert "Traceback" not in log
