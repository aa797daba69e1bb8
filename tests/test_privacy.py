"""Nothing phones home: no file outside voxaffect's own folders, no attempt to reach a network."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "voxaffect"
EXAMPLE = SOURCE / "data" / "example.wav"
FONT_LIST = ".cache/matplotlib/fontlist-"  # of this machine's fonts; it makes the next plot faster
OWN_FOLDERS = (".cache/voxaffect/", ".local/share/voxaffect/")
STRACE = ("-f", "--seccomp-bpf")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the folders are those of Linux")

STREAM = f"""
import io, sys, time
import numpy as np, soundfile
import voxaffect as va
samples, rate = soundfile.read({str(EXAMPLE)!r}, dtype="float32")
stream, half_minute = va.Stream("fast", rate_hz=rate), np.resize(samples, 30 * rate)
events = [event for start in range(0, len(half_minute), rate)
          for event in stream.push(half_minute[start : start + rate])]
assert events + stream.finish()
time.sleep(float(sys.argv[1]))
"""
FIRST_IMPORTED_AFTER = f"""
import voxaffect, onnxruntime
onnxruntime.InferenceSession({str(SOURCE / "data" / "fast.onnx")!r},
                             providers=["CPUExecutionProvider"])
"""


def commands(corpus: Path, folder: Path) -> dict[str, list[object]]:
    """Return every command, with the arguments that make it do all of its work."""
    corpora = ("ravdess", "--data", corpus)
    return {
        "predict": ["predict", EXAMPLE, EXAMPLE, "--workers", 2],
        "train": [
            "train",
            *corpora,
            "--emotions",
            "calm,happy",
            "--recipe",
            "mlp",
            "--no-augment",
            "--test-size",
            0,
            "-o",
            folder / "m.onnx",
        ],
        "timeline": ["timeline", EXAMPLE, "--plot", folder / "plot.svg"],
        "listen": ["listen", "--input", EXAMPLE, "--fast"],
        "evaluate": [
            "evaluate",
            *corpora,
            "--recipe",
            "logistic",
            "--no-augment",
            "--report",
            folder / "report",
        ],
        "features": ["features", corpus, "-o", folder / "features.csv"],
        "features parquet": ["features", corpus, "-o", folder / "features.parquet"],
        "doctor": ["doctor", EXAMPLE],
        "explain": ["explain", EXAMPLE],
        "info": ["info"],
        "corpora list": ["corpora", "list"],
        "encoders list": ["encoders", "list"],
        "corpora check": ["corpora", "check", "ravdess", corpus],
    }


@cache
def can_trace() -> bool:
    """Whether this system lets a test watch the system calls of a process without a network."""
    if not (shutil.which("strace") and shutil.which("unshare")):
        return False
    command = ["unshare", "-n", "strace", *STRACE, "-o", os.devnull, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_watched(home: Path, arguments: Sequence[object]) -> list[str]:
    """Run Python with an empty home folder, and return its attempts to reach a network."""
    home.mkdir()
    removed = ("XDG_", "CI", "ORT_", "VOXAFFECT_", "MPL", "PYTHONSTARTUP")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(removed)}
    log = home.with_suffix(".log")
    watch = ["unshare", "-n", "strace", *STRACE, "-qq", "-e", "trace=%network", "-o", log]
    command = [*(watch if can_trace() else []), sys.executable, *arguments]
    done = subprocess.run(
        [*map(str, command)],
        env={**environment, "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if "check" in arguments else 0), done.stderr  # it is not whole
    lines = log.read_text().splitlines() if can_trace() else []
    return [line for line in lines if re.search(r"sin6?_port|AF_INET|AF_NETLINK", line)]


def strange_files(home: Path) -> list[str]:
    """Return files outside voxaffect's own folders."""
    names = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    return [name for name in names if not name.startswith((*OWN_FOLDERS, FONT_LIST))]


def check(home: Path, arguments: Sequence[object]) -> None:
    attempts = run_watched(home, arguments)
    assert strange_files(home) == []
    assert attempts == []
    if not can_trace():
        pytest.skip("no stray file; without strace and unshare the network is not watched")


@LINUX
@pytest.mark.parametrize("name", ["predict", pytest.param("train", marks=pytest.mark.slow)])
def test_a_command_writes_nothing_elsewhere_and_reaches_for_no_network(
    ravdess_to_read: Path, tmp_path: Path, name: str
) -> None:
    arguments = commands(ravdess_to_read, tmp_path)[name]
    check(tmp_path / "home", ["-m", "voxaffect", *arguments])


@LINUX
def test_a_stream_writes_nothing_elsewhere_and_reaches_for_no_network(tmp_path: Path) -> None:
    check(tmp_path / "home", ["-c", STREAM, 0])


@LINUX
@pytest.mark.slow
def test_a_stream_that_goes_on_reaches_for_no_network(tmp_path: Path) -> None:
    check(tmp_path / "home", ["-c", STREAM, 15])  # telemetry waits about 9 s


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(commands(Path(), Path()).keys() - {"predict", "train"}))
def test_every_other_command_writes_nothing_elsewhere_and_reaches_for_no_network(
    ravdess_to_read: Path, tmp_path: Path, name: str
) -> None:
    arguments = commands(ravdess_to_read, tmp_path)[name]
    check(tmp_path / "home", ["-m", "voxaffect", *arguments])


@LINUX
def test_importing_voxaffect_first_is_enough(tmp_path: Path) -> None:
    check(tmp_path / "home", ["-c", FIRST_IMPORTED_AFTER])


VALUE = "import os, voxaffect; print(os.environ['ORT_DISABLE_TELEMETRY'])"


@pytest.mark.parametrize(("chosen", "expected"), [(None, "1"), ("0", "0"), ("1", "1"), ("", "")])
def test_what_the_user_has_decided_on_telemetry_stays(chosen: str | None, expected: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {} if chosen is None else {"ORT_DISABLE_TELEMETRY": chosen}
    done = subprocess.run(
        [sys.executable, "-c", VALUE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{expected}\n"


def test_events_end_where_onnxruntime_was_imported_first() -> None:
    code = (
        "import sys, types\n"
        "library = sys.modules['onnxruntime'] = types.ModuleType('onnxruntime')\n"
        "library.disable_telemetry_events = lambda: print('disabled')\n"
        "import voxaffect\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "disabled\n"


def imported_in(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    return {name.partition(".")[0] for name in names}


@pytest.mark.slow
def test_one_module_alone_imports_onnxruntime() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if "onnxruntime" in imported_in(path)]
    assert modules == [SOURCE / "runtime" / "onnx.py"]
