"""Dockerfile, compose file and systemd unit: checked by their tools, and run without an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import visits
from support.containers import (
    Builder,
    Container,
    Image,
    can_contain,
    list_context,
    open_builder,
    parse_dockerfile,
)
from support.services import run_service

from voxaffect.service.settings import Settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "voxaffect.service"
VISIT = Path(visits.__file__)
TOKEN = "0123456789abcdef"
PROGRAM = "/opt/voxaffect/bin/voxaffect"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="systemd and namespaces are Linux's")


def find(*names: str) -> str:
    """Path of a program that may be in the environment of the tests; or skip."""
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    path = next(filter(None, (shutil.which(name, path=folders) for name in names)), None)
    if path is None:
        pytest.skip(f"needs {names[0]}")
    return path


def check(*command: object, **options: Any) -> str:
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


# Docker


def test_hadolint_accepts_the_dockerfile() -> None:
    assert check(find("hadolint"), ROOT / "Dockerfile") == ""


def test_the_image_runs_as_a_user_and_gets_signals() -> None:
    steps = parse_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    last = {step.name: step for step in steps}
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last["USER"].value)
    assert last["ENTRYPOINT"].value.startswith("[")  # no shell that would keep SIGTERM
    assert last["CMD"].words == ["serve"]
    bases = [step.words[0] for step in steps if step.name == "FROM"]
    assert len(set(bases)) == 1  # an environment moves to the same Python only
    assert re.fullmatch(r"python:3\.\d+-slim", bases[0])


def test_the_image_is_made_of_what_the_wheel_needs() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a clone")
    names = {path.parts[0] for path in list_context(ROOT)}
    assert names == {"LICENSE", "MODEL_CARD.md", "NOTICE", "README.md", "pyproject.toml", "src"}


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    if sys.platform != "linux" or not can_contain():
        pytest.skip("needs root, overlays and namespaces")
    with open_builder(tmp_path_factory.mktemp("images")) as builder:
        yield builder


@pytest.fixture(scope="module")
def image(builder: Builder) -> Image:
    return builder.build(ROOT)


def wait_until_healthy(container: Container, image: Image) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and container.process.poll() is None:
        if container.first and container.execute(image.health_check).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(container.log.read_text(encoding="utf-8"))


@pytest.mark.slow
@LINUX
def test_the_image_serves_where_it_can_write_nothing_and_reach_nobody(
    builder: Builder, image: Image, tmp_path: Path
) -> None:
    settings = {
        **read_compose()["services"]["voxaffect"]["environment"],
        "VOXAFFECT_SERVE_TOKEN": TOKEN,
        "VOXAFFECT_SERVE_ALLOWED_HOSTS": "localhost",  # the check of health still succeeds
    }
    with builder.run(image, tmp_path / "log", **settings) as container:
        wait_until_healthy(container, image)
        assert_contained(container)
        done = container.execute(
            ["python", "-c", VISIT.read_text(encoding="utf-8"), "localhost:8000", TOKEN]
        )
        assert done.returncode == 0, done.stderr
        assert_neutral(done.stdout)
        assert "neutral" in container.execute(["voxaffect", "predict", "--example"]).stdout
        threads = container.execute(["sh", "-c", "ls -d /proc/[0-9]*/task/* | wc -l"])
        assert int(threads.stdout) < read_compose()["services"]["voxaffect"]["pids_limit"] / 2
        os.kill(container.first, signal.SIGTERM)
        assert container.process.wait(60) == 0
    log = container.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "rror" not in log


def assert_contained(container: Container) -> None:
    """Assert that the container forbids what it should, so that the test shows something."""
    script = "id -u; for f in / /tmp /opt/voxaffect /dev; do ! touch $f/x 2>&1 && echo no; done"
    lines = container.execute(["sh", "-c", script]).stdout.splitlines()
    assert [lines[0], lines.count("no")] == ["10001", 4]
    status = container.execute(["cat", "/proc/1/status"]).stdout
    assert re.search(r"CapEff:\s+0+\n", status)
    assert re.search(r"NoNewPrivs:\s+1\n", status)
    networks = container.execute(["cat", "/proc/net/dev"]).stdout.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in networks] == ["lo"]


def assert_neutral(output: str) -> None:
    """Assert that each way gave the emotion of the example."""
    emotions = json.loads(output)
    assert emotions["wav"] == emotions["webm"] == ["neutral"]
    assert "neutral" in emotions["stream"]
    assert len(emotions["page"]) >= 2
    assert set(emotions["page"]) == {"200"}


# Compose


def read_compose() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text)
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@pytest.mark.slow
def test_compose_accepts_its_file() -> None:
    for command in ([find("docker-compose", "docker")], [shutil.which("docker"), "compose"]):
        if command[0] and "docker" in command[0]:
            known = subprocess.run([*command, "version"], capture_output=True, check=False)
            if known.returncode == 0 and b"ompose" in known.stdout:
                check(*command, "-f", ROOT / "compose.yaml", "config", "-q")
                return
    pytest.skip("needs docker compose")


def test_the_composed_service_is_confined() -> None:
    service = read_compose()["services"]["voxaffect"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])
    assert service["mem_limit"] == service["memswap_limit"]
    assert not {"volumes", "privileged", "devices", "network_mode", "tmpfs"} & set(service)


def test_the_token_is_a_secret_that_no_command_line_shows() -> None:
    document = read_compose()
    (name,) = document["services"]["voxaffect"]["secrets"]
    assert f"/run/secrets/{name}" in document["services"]["voxaffect"]["command"]
    assert Path(document["secrets"][name]["file"]) == Path("token.txt")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "token.txt" in ignored


def test_every_variable_names_a_setting() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "compose.yaml", UNIT)]
    texts += [(ROOT / "Dockerfile").read_text(encoding="utf-8")]
    names = {name.lower() for text in texts for name in re.findall(r"VOXAFFECT_SERVE_(\w+)", text)}
    assert names <= set(Settings.model_fields)
    assert names >= {"host", "allowed_hosts", "concurrency"}


@pytest.mark.parametrize(
    "read",
    [
        lambda: str(read_compose()["services"]["voxaffect"]["stop_grace_period"]),
        lambda: read_unit()["TimeoutStopSec"][0],
    ],
    ids=["compose", "systemd"],
)
def test_the_server_has_the_time_to_finish(read: Callable[[], str]) -> None:
    default = Settings.model_fields["shutdown_seconds"].default
    assert default < int(read().removesuffix("s")) <= default + 60


# systemd


def read_unit() -> dict[str, list[str]]:
    """Values of the unit by key, in their order."""
    values: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            values.setdefault(key, []).append(value)
    return values


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    path = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    assert text.count(PROGRAM) == 1
    path.write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return path


@LINUX
def test_systemd_accepts_the_unit(unit: Path) -> None:
    assert check(find("systemd-analyze"), "verify", "--man=no", unit) == ""


@LINUX
def test_systemd_calls_the_unit_safe(unit: Path) -> None:
    analyze = find("systemd-analyze")
    if "--offline" not in check(analyze, "--help"):
        pytest.skip("needs systemd 250")
    check(analyze, "security", "--no-pager", "--offline=true", "--threshold=20", unit)


def test_the_unit_ends_the_server_first_and_outlives_a_worker() -> None:
    values = read_unit()
    assert values["KillMode"] == ["mixed"]  # else workers get SIGTERM before they have answered
    assert values["OOMPolicy"] == ["continue"]
    assert "--token-file ${CREDENTIALS_DIRECTORY}/token" in values["ExecStart"][0]
    assert values["LoadCredential"] == ["token:/etc/voxaffect/token"]


@pytest.mark.slow
@LINUX
def test_systemd_runs_the_unit(builder: Builder, image: Image, tmp_path: Path) -> None:
    if not Path("/lib/systemd/systemd").exists():
        pytest.skip("needs systemd")
    text = UNIT.read_text(encoding="utf-8")  # credentials need a root that is no chroot
    text = text.replace(" --token-file ${CREDENTIALS_DIRECTORY}/token", "")
    token = f"Environment=VOXAFFECT_SERVE_TOKEN={TOKEN}"
    text = re.sub("^LoadCredential=.*", token, text, flags=re.MULTILINE)
    unit = tmp_path / UNIT.name
    unit.write_text(text, encoding="utf-8")
    with builder.boot(image, tmp_path / "log", unit) as container:
        wait_until_healthy(container, image)
        script = VISIT.read_text(encoding="utf-8")
        done = container.execute(
            ["/opt/voxaffect/bin/python", "-c", script, "localhost:8000", TOKEN]
        )
        assert done.returncode == 0, done.stderr
        assert_neutral(done.stdout)
        container.execute(["systemctl", "stop", UNIT.stem])
        shown = container.execute(["systemctl", "show", "-p", "Result,ExecMainStatus", UNIT.stem])
    assert sorted(shown.stdout.split()) == ["ExecMainStatus=0", "Result=success"]


def list_system_calls(analyze: str, name: str) -> set[str]:
    """System calls of a group, with those of the groups in it."""
    lines = check(analyze, "syscall-filter", "--no-pager", name).splitlines()[1:]
    names = {line.strip() for line in lines} - {""}
    names = {name for name in names if not name.startswith("#")}
    groups = {name for name in names if name.startswith("@")}
    return (names - groups).union(*(list_system_calls(analyze, group) for group in groups))


@pytest.mark.slow
@LINUX
def test_the_server_uses_only_system_calls_of_the_unit(tmp_path: Path) -> None:
    analyze, log = find("systemd-analyze"), tmp_path / "calls"
    allowed: set[str] = set()
    for value in read_unit()["SystemCallFilter"]:
        calls = list_system_calls(analyze, value.removeprefix("~"))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    trace = [find("strace"), "-D", "-f", "-qq", "-o", log, "-e", "signal=none"]
    with run_service(tmp_path / "log", under=trace, token=TOKEN, models="accurate,fast") as server:
        assert_neutral(check(sys.executable, VISIT, f"127.0.0.1:{server.port}", TOKEN))
        assert server.stop() == 0
    called = r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)"  # process numbers are padded
    used = set(re.findall(called, log.read_text(), re.MULTILINE))
    assert {"execve", "accept4", "mmap", "prlimit64"} <= used
    assert used - allowed == set()
    executable = [
        line
        for line in log.read_text().splitlines()
        if re.search(r"(mmap|mprotect|pkey_mprotect)\(.*PROT_WRITE\|PROT_EXEC", line)
    ]
    # With MemoryDenyWriteExecute, cffi could make no callback, and soundfile would read nothing.
    assert bool(executable) == ("MemoryDenyWriteExecute" not in read_unit())
