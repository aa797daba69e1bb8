"""What is imported when: prediction waits for nothing that it does not need."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from inspect import isfunction
from pathlib import Path

import click
import pytest

import voxaffect
from voxaffect import tutorial
from voxaffect.cli import cli
from voxaffect.cli.listen import listen
from voxaffect.cli.predict import predict
from voxaffect.cli.timeline import timeline
from voxaffect.features.adaptation import LEAST_NAMED_RECORDINGS, LEAST_RECORDINGS
from voxaffect.models.bundled import list_bundled

ROOT = Path(__file__).parent.parent
NOT_NEEDED = (
    "librosa",
    "sklearn",
    "numba",
    "pandas",
    "onnx",
    "skl2onnx",
    "requests",
    "matplotlib",
    "torch",
    "jinja2",
    "markdown_it",
    "joblib",
    "loky",
    "pyarrow",
    "webrtcvad",
)


def imported_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after running the code."""
    report = "import sys; print('\\n' + ' '.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def after_predicting() -> set[str]:
    return imported_by(
        "from voxaffect.cli import cli\n"
        f"for name in {list_bundled()}:\n"
        "    options = ['--example', '--model', name]\n"
        "    cli(['predict', *options, '--format', 'json'], standalone_mode=False)\n"
        "    cli(['timeline', *options, '--format', 'textgrid'], standalone_mode=False)"
    )


@pytest.mark.parametrize("module", NOT_NEEDED)
def test_predicting_does_not_import(after_predicting: set[str], module: str) -> None:
    assert "onnxruntime" in after_predicting  # it did predict
    assert module not in after_predicting


def test_importing_the_package_imports_neither_scipy_nor_onnxruntime() -> None:
    assert not imported_by("import voxaffect") & {"scipy", "onnxruntime", "soundfile", "sklearn"}


NUMBERS = {"numpy", "scipy", "onnxruntime", "soundfile", "soxr", "sklearn"}
TABLES = ("train", "evaluate", "features")
"""Commands whose help lists rows of tables that hold functions of arrays."""
LIGHT = [name for name in cli.list_commands(click.Context(cli)) if name not in TABLES]


def imported_by_help(*commands: str) -> set[str]:
    calls = [f"cli({[*name.split(), '--help']}, standalone_mode=False)" for name in commands]
    return imported_by("from voxaffect.cli import cli\n" + "\n".join(calls))


@pytest.mark.slow
def test_help_and_version_import_no_numbers() -> None:
    modules = imported_by(
        "from voxaffect.cli import cli\ncli(['--version'], standalone_mode=False)"
    )
    assert not modules & {*NUMBERS, "msgspec"}
    assert sorted(imported_by_help("", *LIGHT) & {*NUMBERS, "loky", "tqdm"}) == []
    assert sorted(imported_by_help(*TABLES) & (NUMBERS - {"numpy"})) == []


@pytest.mark.parametrize("command", [predict, timeline, listen])
def test_help_states_how_many_recordings_adaptation_needs(command: click.Command) -> None:
    help_text = next(str(one.help) for one in command.params if one.name == "adapt")
    if command is not listen:
        assert f"all and folder need {LEAST_RECORDINGS} recordings or more" in help_text
        assert f"PATH {LEAST_NAMED_RECORDINGS}." in help_text
    else:
        assert f"repeatable): {LEAST_NAMED_RECORDINGS} or more" in help_text


def test_the_process_of_a_server_imports_no_numbers() -> None:
    code = "from voxaffect.cli import serve\nimport voxaffect.runtime.processes\n"
    code += "from voxaffect.service import app, settings, state\n"
    code += "app.make_app(state.State(settings.read_settings()))"
    assert not imported_by(code) & {"numpy", "scipy", "onnxruntime", "soundfile"}


WORKER = "from voxaffect.service import computing, jobs\nprepare = computing._prepare\n"


def test_a_worker_of_a_server_is_ready_without_what_only_requests_or_the_server_need() -> None:
    modules = imported_by(f"{WORKER}prepare(jobs.Prepare('accurate'))")
    assert "onnxruntime" in modules
    assert not modules & {"scipy", "soundfile", "fastapi", "pydantic", "pydantic_settings"}


@pytest.mark.slow
@pytest.mark.parametrize("model", list_bundled())
def test_a_warm_worker_imports_nothing_for_a_request(model: str) -> None:
    code = f"""{WORKER}
import sys
from importlib.resources import files
prepare(jobs.Prepare({model!r}, is_used=True))
content = (files("voxaffect") / "data" / "example.wav").read_bytes()
limits = jobs.Limits(60, 8, 192_000, 4 << 30)
before = set(sys.modules)
computing.run(jobs.Recognize(content, "a.wav", {model!r}, jobs.EmotionOptions()), limits)
sys.modules = {{name: None for name in sys.modules if name not in before}}
"""
    assert imported_by(code) <= {"sys", "email", "resource"}  # these take no time


STUB = ast.parse((ROOT / "src" / "voxaffect" / "__init__.pyi").read_text(encoding="utf-8"))
HOMES = {
    alias.name: node.module
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


@pytest.mark.parametrize("name", voxaffect.__all__)
def test_every_public_name_resolves_where_the_stub_says(name: str) -> None:
    found = getattr(voxaffect, name)
    assert getattr(import_module(f"voxaffect.{HOMES[name]}"), name) is found


def test_the_stub_and_the_package_hold_the_same_names() -> None:
    assert sorted(HOMES) == sorted(voxaffect.__all__) == dir(voxaffect)
    assert len(HOMES) <= 50


@pytest.mark.parametrize("name", ["emotions", "observed_emotions"])
def test_a_variable_of_the_tutorial_is_the_same_in_both_places(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(voxaffect, name) is getattr(tutorial, name)
    changed = type(getattr(tutorial, name))()
    monkeypatch.setattr(voxaffect, name, changed)
    assert getattr(voxaffect, name) is getattr(tutorial, name) is changed


def test_type_checkers_find_the_types() -> None:
    assert (ROOT / "src" / "voxaffect" / "py.typed").is_file()


FUNCTIONS = [name for name in voxaffect.__all__ if isfunction(getattr(voxaffect, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_shows_an_example_that_runs(name: str) -> None:
    documentation = getattr(voxaffect, name).__doc__
    assert ">>> " in documentation
    assert "+SKIP" not in documentation


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'voxaffect' has no attribute 'preddict'"):
        voxaffect.preddict  # noqa: B018


def test_the_layers_of_the_house_hold() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    if "importlinter" not in tools:
        pytest.skip("no contract yet")
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
