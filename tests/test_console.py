"""What reaches a terminal, and what reaches programs."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.resources import files
from pathlib import Path

import pytest
from conftest import Run

import voxaffect
from voxaffect.console import (
    Terminal,
    guard_streams,
    print_data,
    print_line,
    print_text,
    show_progress,
)
from voxaffect.errors import VoxaffectError

unix = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals as Unix has them")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
EVIL = "\x1b]0;owned\x07\u202e"
HARMLESS = "\\x1b]0;owned\\x07\\u202e"


def example(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes((files("voxaffect") / "data" / "example.wav").read_bytes())
    return path


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(
        [sys.executable, "-m", "voxaffect", *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
        **{"capture_output": True, **options},
    )


# No other place prints.


class Printing(ast.NodeVisitor):
    """Names in a module through which something could be printed."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if name in ("print", "click.echo", "click.secho", "click.progressbar", "pprint"):
            self.lines.append(node.lineno)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if ast.unparse(node) in ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"):
            self.lines.append(node.lineno)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").partition(".")[0] in ("tqdm", "logging"):
            self.lines.append(node.lineno)


ALLOWED = {
    "console.py": "the one place",
    "cli/__init__.py": "notices that click has replaced standard output",
    "files/__init__.py": "asks whether standard error is a terminal",
    "cli/listen.py": "gives rich the terminal; `draw_dashboard` draws only what is printable",
}


def test_nothing_prints_but_the_one_place() -> None:
    root = Path(voxaffect.__file__).parent
    printing = {}
    for path in root.rglob("*.py"):
        visitor = Printing()
        visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
        if visitor.lines and path.relative_to(root).as_posix() not in ALLOWED:
            printing[path.relative_to(root).as_posix()] = visitor.lines
    assert printing == {}


# A terminal


class Screen(io.StringIO):
    """Text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[Screen]:
    """Let standard output and standard error be a terminal."""
    screen = Screen()
    with redirect_stdout(screen), redirect_stderr(screen):
        yield screen


def test_a_terminal_obeys_nothing_but_ends_of_lines_and_tabs() -> None:
    screen = Screen()
    assert Terminal(screen).write(f"a\tb{EVIL}\r\nc\rd\n") == len(f"a\tb{EVIL}\r\nc\rd\n")
    assert screen.getvalue() == f"a\tb{HARMLESS}\nc\\rd\n"


def test_data_on_a_terminal_are_escaped() -> None:
    with terminal() as screen:
        print_data(f"source\n{EVIL}\n")
    assert screen.getvalue() == f"source\n{HARMLESS}\n"


def test_a_line_stays_one_line_whatever_name_it_holds() -> None:
    with terminal() as screen:
        print_line(f"a\n{EVIL}")
    assert screen.getvalue() == f"a\\n{HARMLESS}\n"


def test_the_title_of_a_progress_bar_is_escaped() -> None:
    with terminal() as screen:
        list(show_progress([1], title=EVIL))
    assert HARMLESS in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_messages_of_libraries_are_escaped_on_a_terminal() -> None:
    with terminal() as screen:
        with guard_streams():
            sys.stderr.write(f"warning: {EVIL}\n")
            sys.stdout.writelines([EVIL])
        assert sys.stdout is screen
    assert screen.getvalue() == f"warning: {HARMLESS}\n{HARMLESS}"


@pytest.mark.slow
@unix
@pytest.mark.parametrize(
    "arguments",
    [
        "predict one",
        "predict one --format csv",
        "predict one --format json",
        "timeline one",
        "timeline one --format audformat",
        "doctor one",
        "explain one",
        "corpora check folder c",
        "features one -o {evil}.csv",
        "predict {evil}nope.wav",
        "predict --{evil}",
        "predict one --format {evil}",
        "info {evil}.onnx",
        "compare {evil} b.json",
        "listen --input {evil}.wav",
        "{evil}",
    ],
)
def test_no_command_sends_a_control_code_of_a_name_to_a_terminal(
    tmp_path: Path, arguments: str
) -> None:
    import pty

    for folder in ("one", "c/happy"):
        (tmp_path / folder).mkdir(parents=True)
    example(tmp_path / "one", f"{EVIL}.wav")
    (tmp_path / "c" / "happy" / f"{EVIL}.wav").write_text("no recording")
    parent, child = pty.openpty()
    words = [word.format(evil=EVIL) for word in arguments.split()]
    with subprocess.Popen(
        [sys.executable, "-m", "voxaffect", *words],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
    ) as run:
        os.close(child)
        shown = b""
        while True:
            try:
                block = os.read(parent, 65_536)
            except OSError:  # Linux's end of a terminal
                break
            if not block:
                break
            shown += block
    os.close(parent)
    assert run.returncode in (0, 1, 2)
    assert b"Traceback" not in shown
    assert b"owned" in shown
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert "\u202e".encode() not in shown


# Programs


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=["Windows", "ASCII", "C", "UTF-16"],
)
@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_data_are_utf_8_whatever_the_terminal_writes(
    tmp_path: Path, environment: dict[str, str], form: str
) -> None:
    path = example(tmp_path, "中文 \x1b[31m.wav" if sys.platform != "win32" else "中文.wav")
    done = command("predict", path, "--format", form, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("utf-8")
    if form == "csv":
        (record,) = csv.DictReader(io.StringIO(text))
    else:
        value = json.loads(text)
        record = value["results"][0] if form == "json" else value
    assert Path(record["source"]).exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_what_goes_to_a_pipe_is_what_goes_to_a_file(tmp_path: Path, form: str) -> None:
    path = example(tmp_path, "中文.wav")
    command("predict", path, "--format", form, "-o", tmp_path / "out")
    done = command("predict", path, "--format", form, env={"PYTHONIOENCODING": "utf-8"})
    assert done.stdout.replace(os.linesep.encode(), b"\n") == (tmp_path / "out").read_bytes()


@pytest.mark.slow
def test_bars_are_plain_marks_where_the_alphabet_has_no_blocks(tmp_path: Path) -> None:
    path = example(tmp_path, "a.wav")
    plain, fine = (
        command("explain", path, "--model", "fast", env={"PYTHONIOENCODING": code}).stdout.decode(
            code
        )
        for code in ("cp1252", "utf-8")
    )
    assert "\\u" not in plain
    assert fine.count("█") == plain.count("#") > 0
    assert len(plain) == len(fine)


# Standard output that takes nothing


@pytest.mark.slow
@full
@unix
@pytest.mark.parametrize(
    "arguments", ["predict --example --model fast", "info --format json", "corpora list"]
)
def test_a_full_standard_output_is_named(arguments: str) -> None:
    with Path("/dev/full").open("wb") as stream:
        done = command(
            *arguments.split(), stdout=stream, capture_output=False, stderr=subprocess.PIPE
        )
    message = b"VoxaffectError: the result cannot be printed (No space left on device).\n"
    assert (done.returncode, done.stderr) == (1, message)


@unix
@pytest.mark.parametrize("arguments", ["predict --example --model fast", "--help", "corpora list"])
def test_a_reader_that_has_gone_ends_the_command_in_silence(arguments: str) -> None:
    end, start = os.pipe()
    os.close(end)
    done = command(*arguments.split(), stdout=start, capture_output=False, stderr=subprocess.PIPE)
    os.close(start)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
@unix
@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>&- <&-"])
def test_closed_streams_that_are_not_needed_change_nothing(closed: str) -> None:
    line = f"{sys.executable} -m voxaffect predict --example --model fast {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b"recording")


def test_text_without_standard_output_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(VoxaffectError, match=r"^standard output is closed\."):
        print_text("text\n")


# Signals


def end_by(number: int, arguments: list[str], *, wait: Path, cwd: Path) -> tuple[int, str]:
    """Send a signal once a file is there; return exit code and standard error."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as run:
        until = time.monotonic() + 60
        while not wait.exists() and time.monotonic() < until and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(number)
        _, message = run.communicate()
    return run.returncode, message


SLOW = """
import sys, time
from pathlib import Path
import {module}
def {name}(*_, **__):
    Path("reached").touch()
    time.sleep(60)
{module}.{name} = {name}
from voxaffect.__main__ import main
sys.argv = ["voxaffect", "predict", "--example", "--model", "fast", "-o", "out.csv"]
main()
"""
MOMENTS = {
    "while it loads": ("voxaffect.models", "load"),
    "while it computes": ("voxaffect.features", "compute_features"),
    "while it writes": ("os", "fsync"),
}


@pytest.mark.slow
@unix
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_one_line_and_leaves_no_file(
    tmp_path: Path, moment: str, number: int, code: int
) -> None:
    module, name = MOMENTS[moment]
    program = SLOW.format(module=module, name=name)
    reached = tmp_path / "reached"
    done = end_by(number, ["-c", program], wait=reached, cwd=tmp_path)
    assert done == (code, done[1])
    assert done[1].strip() == "Interrupted."
    assert list(tmp_path.iterdir()) == [reached]


@unix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_modules_are_imported_leaves_no_traceback(
    tmp_path: Path, number: int, code: int
) -> None:
    (tmp_path / "click.py").write_text(
        "import time; from pathlib import Path\nPath('reached').touch(); time.sleep(60)"
    )
    arguments = ["-m", "voxaffect", "predict", "--example", "--model", "fast"]
    assert end_by(number, arguments, wait=tmp_path / "reached", cwd=tmp_path) == (code, "")


@pytest.mark.slow
@unix
def test_what_the_shell_ignores_stays_ignored(tmp_path: Path) -> None:
    command = f"{sys.executable} -m voxaffect predict --example --model fast -o out.csv"
    line = f"trap '' TERM; exec {command}"
    with subprocess.Popen(["sh", "-c", line], cwd=tmp_path, stderr=subprocess.DEVNULL) as run:
        time.sleep(0.3)
        run.terminate()
    assert run.returncode == 0
    assert (tmp_path / "out.csv").exists()


def test_handlers_of_the_caller_are_put_back(run: Run) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run("corpora", "list")
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_an_error_of_the_system_is_named_with_its_path(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(36, "File name too long", "somewhere")

    monkeypatch.setattr("voxaffect.cli.corpora.align_columns", fail)
    done = run("corpora", "list")
    assert (done.code, done.err) == (1, "VoxaffectError: somewhere: File name too long.\n")
