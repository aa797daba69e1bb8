"""Configuration files: a file sets what the command line sets, and what is wrong is named."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from conftest import Run
from hypothesis import HealthCheck, example, given, settings, strategies as st

from voxaffect.cli import cli
from voxaffect.cli.config_file import COMMON, list_keys

ROOT = click.Context(cli)
TOKEN = "abcdefgh12345678"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def show(run: Run, *arguments: str) -> dict[str, Any]:
    done = run("config", "show", "--format", "json", *arguments)
    assert done.code == 0, done.err
    shown: dict[str, Any] = json.loads(done.out)["commands"]
    return shown


def list_commands() -> Iterator[tuple[list[str], click.Command]]:
    for name in cli.list_commands(ROOT):
        command = cli.get_command(ROOT, name)
        assert command is not None
        if name == "config":
            continue
        if isinstance(command, click.Group):
            yield from (([name, one], sub) for one, sub in command.commands.items())
        else:
            yield [name], command


COMMANDS = {" ".join(names): command for names, command in list_commands()}


def test_a_file_sets_what_the_command_line_sets(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text('[info]\nmodel = "fast"\nformat = "json"')
    expected = run("info", "--model", "fast", "--format", "json")
    assert expected.code == 0
    assert run("info", "--config", "run.toml") == expected
    assert run("--config", "run.toml", "info") == expected


def test_the_command_line_comes_first_then_the_environment_then_the_table_then_the_top(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "run.toml").write_text(
        'vad = "webrtc"\nworkers = 7\nmodel = "fast"\n[predict]\nworkers = 6\nvad = "energy"\n'
        "max_seconds = 5\n"
    )
    monkeypatch.setenv("VOXAFFECT_PREDICT_VAD", "silero")
    monkeypatch.setenv("VOXAFFECT_PREDICT_MAX_SECONDS", "4")
    shown = show(run, "--config", "run.toml", "predict", "--", "--max-seconds", "3")["predict"]
    picked = {key: (shown[key]["value"], shown[key]["source"]) for key in shown}
    assert picked["max-seconds"] == (3, "command line")
    assert picked["vad"] == ("silero", "environment")
    assert picked["workers"] == (6, "file")
    assert picked["model"] == ("fast", "file")
    assert picked["channels"] == ("mix", "default")
    assert shown["vad"]["variable"] == "VOXAFFECT_PREDICT_VAD"
    assert [shown[key]["line"] for key in ("workers", "model")] == [5, 3]
    assert show(run, "--config", "run.toml", "timeline")["timeline"]["vad"]["value"] == "webrtc"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vad = ?", "run.toml: cannot be read as TOML: Invalid value (at line 1, column 7)."),
        ("[predcit]", "run.toml: line 1: predcit: is no command. Did you mean predict? Tables are"),
        ("predict = 1", "run.toml: line 1: predict: expected a table [predict], found 1, an int"),
        ("sead = 1", "run.toml: line 1: sead: is no key of the top level. Did you mean seed?"),
        (
            '\n[predict]\nvda = "x"',
            "run.toml: line 3: vda in [predict]: is no option of predict. Did you mean vad? There "
            "are paths, example,",
        ),
        (
            '[predict]\nvad = "sliero"',
            "run.toml: line 2: vad in [predict]: 'sliero' is not one of 'silero', 'energy', "
            "'webrtc'. Did you mean 'silero'?",
        ),
        (
            "[predict]\nworkers = 2.5",
            "run.toml: line 2: workers in [predict]: expected an integer, found 2.5, a number.",
        ),
        (
            "[predict]\nworkers = true",
            "run.toml: line 2: workers in [predict]: expected an integer, found true, a boolean.",
        ),
        ("workers = 0", "run.toml: line 1: workers: 0 is not in the range x>=1."),
        (
            "[predict]\nuncertain-below = nan",
            "run.toml: line 2: uncertain-below in [predict]: expected a number, found nan.",
        ),
        (
            '[predict]\nresume = "yes"',
            "run.toml: line 2: resume in [predict]: expected true or false, found 'yes', a text.",
        ),
        (
            "[predict]\nvad = ['silero']",
            "run.toml: line 2: vad in [predict]: expected one of silero, energy, webrtc, found a "
            "list.",
        ),
        ("[predict]\nmodel = 2020-01-01", "model in [predict]: expected a text, found "),
        ("[predict.vad]", "run.toml: line 1: vad in [predict]: expected one of "),
        (
            "[predict]\nmax-seconds = 1\nmax_seconds = 2",
            "run.toml: line 3: max_seconds in [predict]: the key is there twice, as max-seconds",
        ),
        ('[predict]\nlabels = ["a,b"]', "expected texts without commas, found 'a,b'."),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(
    run: Run, folder: Path, text: str, message: str
) -> None:
    (folder / "run.toml").write_text(text)
    for arguments in (["predict", "--example"], ["config", "show", "predict"]):
        done = run(*arguments, "--config", "run.toml")
        assert done.code == 2
        assert done.out == ""
        assert done.err.count("\n") == 1
        assert message in done.err
        assert done.err.startswith("ConfigError: ")


def test_a_file_that_cannot_be_read_is_one_line(run: Run, folder: Path) -> None:
    (folder / "bytes.toml").write_bytes(b"a = '\xff'")
    for name, message in [
        ("none.toml", "none.toml: no such file, expected a TOML file."),
        ("bytes.toml", "bytes.toml: is not UTF-8 (byte 5). Save it so."),
        (".", "is a folder, expected a TOML file."),
    ]:
        done = run("--config", name, "predict", "--example")
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err


def test_a_fault_of_a_variable_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXAFFECT_PREDICT_VAD", "loud")
    done = run("predict", "--example")
    assert done.code == 2
    assert done.err.endswith("note: set in the environment: VOXAFFECT_PREDICT_VAD.\n")


def test_a_flag_is_named_without_its_no(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text("[evaluate]\nno-cache = true")
    done = run("evaluate", "ravdess", "--config", "run.toml")
    assert (
        done.err
        == "ConfigError: run.toml: line 2: no-cache in [evaluate]: expected cache = false.\n"
    )


def test_a_table_of_a_group_holds_tables(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text('[corpora]\nchek = {}\n[corpora.check]\nname = "ravdess"')
    done = run("config", "show", "corpora", "--config", "run.toml")
    assert "line 2: chek in [corpora]: is no command of corpora. Did you mean check?" in done.err
    (folder / "run.toml").write_text("[corpora]\ncheck = 4")
    message = "line 2: check in [corpora]: expected a table [corpora.check], found 4, an integer."
    for arguments in (["config", "show", "corpora"], ["corpora", "list"]):
        assert message in run(*arguments, "--config", "run.toml").err
    (folder / "run.toml").write_text('[corpora.check]\nname = "ravdess"\nroot = "somewhere"')
    done = run("corpora", "check", "--config", "run.toml")
    assert "somewhere" in done.err
    shown = show(run, "--config", "run.toml", "corpora")
    assert shown["corpora check"]["name"]["value"] == "ravdess"
    assert "corpora list" in shown


def test_two_files_are_refused(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text("")
    done = run("--config", "run.toml", "info", "--config", "run.toml")
    assert done.code == 2
    assert "--config is there twice: name one file." in done.err


def test_a_file_of_the_command_line_replaces_that_of_the_environment(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "one.toml").write_text("seed = 1")
    (folder / "two.toml").write_text("seed = 2")
    monkeypatch.setenv("VOXAFFECT_CONFIG", "one.toml")
    assert show(run, "train")["train"]["seed"]["value"] == 1
    assert show(run, "train", "--config", "two.toml")["train"]["seed"]["value"] == 2


def test_paths_begin_at_the_folder_of_the_file(run: Run, folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "anna").mkdir()
    (folder / "runs" / "encoder").mkdir()
    (folder / "runs" / "run.toml").write_text(
        '[predict]\npaths = ["calls/", "-", "s3://bucket/x", "/tmp/a.wav"]\nmodel = "mine.onnx"\n'
        'adapt = ["folder", "earlier"]\noutput = "out/"\nlabels = ["angry", "sad"]\n'
        '[train]\ncorpora = "csv"\ndata = "table.csv"\nlabels = "none"\nencoder = "encoder"\n'
        'name = "anna"\n'
        '[timeline]\nmodel = "hf:owner/name"\ndiarize-model = "owner/name"\n'
    )
    shown = show(run, "--config", "runs/run.toml")
    values = {key: one["value"] for key, one in shown["predict"].items()}
    assert values["paths"] == ["runs/calls/", "-", "s3://bucket/x", "/tmp/a.wav"]
    assert values["model"] == "runs/mine.onnx"
    assert values["adapt"] == ["folder", "runs/earlier"]
    assert values["output"] == "runs/out/"
    assert values["labels"] == "angry,sad"
    values = {key: one["value"] for key, one in shown["train"].items()}
    assert values["corpora"] == ["csv"]
    assert values["data"] == ["runs/table.csv"]
    assert [values[key] for key in ("labels", "encoder", "name")] == [
        "none",
        "runs/encoder",
        "anna",
    ]
    values = {key: one["value"] for key, one in shown["timeline"].items()}
    assert [values["model"], values["diarize-model"]] == ["hf:owner/name", "owner/name"]


def test_recordings_and_formats_of_a_file_are_those_of_the_command_line(
    run: Run, folder: Path, recordings: list[Path]
) -> None:
    names = [str(path) for path in recordings[:2]]
    (folder / "run.toml").write_text(
        f'model = "fast"\n[predict]\npaths = {json.dumps(names)}\nformat = ["json", "csv"]\n'
        'output = "one/"\n'
    )
    assert run("predict", "--config", "run.toml").code in (0, 3)
    run("predict", *names, "--model", "fast", "--format", "json,csv", "-o", "two/")
    files = sorted(path.name for path in (folder / "two").iterdir())
    assert len(files) == 2
    for name in files:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_an_option_of_the_table_has_to_go_with_the_others(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text("workers = 1\n[predict]\npart-rows = 5")
    done = run("predict", "--example", "--config", "run.toml")
    assert done.code == 2
    assert "--part-rows goes with --dataset.\nnote: run.toml sets workers, part-rows.\n" in done.err
    (folder / "run.toml").write_text(
        'seed = 3\nmodel = "fast"\n[predict]\npart-rows = 1000\noverwrite = false'
    )
    assert run("predict", "--example", "--config", "run.toml").code == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_takes_a_file_and_its_keys_are_unique(name: str) -> None:
    command = COMMANDS[name]
    keys = [key for one in command.params if (key := list_keys(click.Command("x", params=[one])))]
    assert len(list_keys(command)) == len(keys)
    assert any("--config" in one.opts for one in command.params)


def test_a_key_of_the_top_level_never_changes_what_a_command_does(run: Run, folder: Path) -> None:
    (folder / "run.toml").write_text('model = "fast"\nmax-seconds = 5')
    shown = show(run, "--config", "run.toml")
    for name in ("evaluate", "features", "info", "push"):
        assert shown[name]["model"]["source"] == "default"
    assert shown["listen"]["max-seconds"]["source"] == "default"
    assert shown["listen"]["model"]["value"] == shown["predict"]["model"]["value"] == "fast"


def test_common_keys_are_options_of_several_commands() -> None:
    for key in COMMON:
        count = sum(key in list_keys(command) for command in COMMANDS.values())
        assert count > 1, key


def test_a_service_takes_its_settings_alone_or_in_a_table(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = (
        f'port = 9000\nmax_body_bytes = "2MB"\nmodels = ["fast"]\ntoken = "{TOKEN}"\npage = false\n'
    )
    for text in (alone, f"workers = 3\n[serve]\n{alone}"):
        (folder / "serve.toml").write_text(text)
        done = run("config", "show", "serve", "--config", "serve.toml", "--changed")
        assert TOKEN not in done.out
        rows = dict(line.split(maxsplit=1) for line in done.out.splitlines()[1:] if line)
        assert list(rows) == ["port", "models", "page", "token", "max-body-bytes"]
        assert rows["token"].startswith("(not shown)")
    monkeypatch.setenv("VOXAFFECT_SERVE_TOKEN", TOKEN)
    for form in ("json", "toml"):
        done = run("config", "show", "serve", "--format", form)
        assert "VOXAFFECT_SERVE_TOKEN" in done.out
        assert TOKEN not in done.out
    done = run("serve", "--token", TOKEN)
    assert "--token: other users would see it." in done.err
    (folder / "serve.toml").write_text("[serve]\nport = 70000")
    done = run("serve", "--config", "serve.toml")
    assert done.err.startswith("ConfigError: serve.toml: line 2: port in [serve]: Input should be")


def test_all_commands_are_shown_and_an_unknown_one_is_named(run: Run, folder: Path) -> None:
    shown = show(run)
    assert list(shown) == list(COMMANDS)
    assert {one["source"] for options in shown.values() for one in options.values()} == {"default"}
    assert "'predcit' is no command; there are predict" in run("config", "show", "predcit").err
    (folder / "run.toml").write_text('[compare]\nformat = "yaml"')
    done = run("config", "show", "--config", "run.toml")
    assert "format in [compare]: 'yaml' is not one of 'text', 'json'." in done.err


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
VALUES = {
    "paths": st.lists(TEXT, min_size=1, max_size=3),
    "example": st.just(True),
    "max-seconds": st.floats(0.1, 1e6) | st.just(float("inf")),
    "channels": st.sampled_from(["left", "each"]),
    "model": st.sampled_from(["fast", "accurate", "sub/mine.onnx"]),
    "labels": TEXT,
    "uncertain-below": st.floats(0, 1),
    "format": st.lists(TEXT, min_size=1, max_size=2),
    "output": TEXT,
    "workers": st.integers(1, 99),
    "audio-url": TEXT,
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=VALUES))
@example({"paths": ["a\x7f\"'\\\n#", "~/a", "~", "é"], "audio-url": "\u2028"})
def test_the_file_that_is_shown_sets_the_same(
    run: Run, folder: Path, values: dict[str, Any]
) -> None:
    arguments = []
    for key, value in values.items():
        if key in ("paths", "example"):
            arguments += ["--example"] if key == "example" else []
        else:
            items = value if isinstance(value, list) else [value]
            arguments += [f"--{key}={item}" for item in items]
    arguments = ["predict", "--", *arguments, "--", *values.get("paths", [])]
    text = run("config", "show", "--format", "toml", *arguments).out
    (folder / "run.toml").write_bytes(text.encode())
    first, second = show(run, *arguments), show(run, "--config", "run.toml", "predict")
    for key, one in first["predict"].items():
        other = second["predict"][key]
        assert other["value"] == one["value"]
        assert (other["source"] == "default") == (one["source"] == "default")
    assert set(tomllib.loads(text)["predict"]) == set(values)


def test_the_page_lists_the_common_keys_and_its_example_sets_what_it_says(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    listed = page.split("<!-- common -->")[1].split("<!-- /common -->")[0]
    assert listed == ", ".join(f"`{key}`" for key in COMMON)
    text = page.split("```toml\n")[1].split("```")[0]
    (folder / "run.toml").write_text(text)
    monkeypatch.setenv("VOXAFFECT_PREDICT_VAD", "energy")
    shown = run("config", "show", "predict", "--config", "run.toml", "--changed").out
    assert f"--changed\n{shown}```" in page
    assert run("config", "show", "--config", "run.toml").code == 0
