"""Every block of code of README.md and docs/ runs, or the reason why it cannot is here."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import tomllib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from support.blocks import (
    PAGES,
    ROOT,
    Block,
    list_blocks,
    parse_command,
    split_commands,
    write_workspace,
)

import voxaffect as va
from voxaffect.cli import cli
from voxaffect.training.recipes import _RECIPES, RECIPES

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")

ELSEWHERE = {"plug-ins.md": "its example package is installed and run by tests/test_plugins.py"}
BLOCKS = [block for block in list_blocks() if block.page not in ELSEWHERE]
CONSOLES = [block for block in BLOCKS if block.language == "console"]
PROGRAMS = [block for block in BLOCKS if block.language == "python"]

OUTPUTS = {"text", "json", "caddyfile", "nginx"}
"""Languages of blocks that are output, or files of other programs (tests/service reads those)."""

OTHER_PROGRAMS = {
    "pip": "installs packages",
    "pipx": "installs packages",
    "python3": "the README's commands, which .ci/run runs",
    ".venv/bin/pip": "the README's commands, which .ci/run runs",
    ".venv/bin/voxaffect": "the README's commands, which .ci/run runs",
    ".venv-test/bin/pip": "the README's commands, which .ci/run runs",
    ".venv-test/bin/pytest": "the README's commands, which .ci/run runs",
    ".": "activates an environment",
    "hf": "signs in at the hub",
    "arecord": "needs a microphone",
    "ffmpeg": "needs an address",
    "openssl": "is no part of voxaffect",
    "docker": "needs a daemon; tests/service/test_service_deployment.py builds the image's content",
    "dask": "needs machines; tests/scaling starts a cluster",
    "export": "sets variables of the shell",
    "cd": "enters a folder",
    "cat": "feeds the next command, which runs with its file",
}
"""Programs that lines of the pages begin with besides voxaffect, and why they are not run."""

NOT_RUN = {
    r"voxaffect listen(?! --input)": "needs a microphone; tests/recognition",
    r"voxaffect serve": "runs until it is stopped; tests/service",
    r"train .* --recipe networks": "trains for a minute; tests/training/test_network.py",
    r"evaluate .* --recipe finetuned": "trains twelve encoders; docs/models.md trains one before",
    r" download ": "needs the network; tests/corpora and tests/training use a server of their own",
    r"hf:": "needs the hub; tests/models have a fake one",
    r"--diarize|--transcribe": "needs weights; tests/recognition use stand-ins",
    r"arecord|ffmpeg": "needs a microphone or an address; tests/recognition and tests/audio",
}
"""Commands that are only parsed: a pattern of them, and why."""

REPLACED = {
    "s3://": "",
    "--scheduler tcp://head:8786": "",
}
"""Words that are replaced: of a store by a folder, and of a cluster by this machine. tests/scaling
start both."""

FAILING = {r"corpora check ravdess": 1}
"""Commands that end with another code than 0 or 3, since the corpus here is not complete."""

NOT_EXECUTED = {
    "httpx": "tests/service/test_service_docs.py runs it against a server",
    "websockets": "tests/service/test_service_docs.py runs it against a server",
    "SLURMCluster": "needs a cluster",
    "DiarizationConfig": "needs weights; tests/recognition use a stand-in",
    "export_huggingface": "needs weights; tests/training/encoders use tiny ones",
    'device="cuda"': "needs a GPU; tests/training/test_finetuned.py",
    "hf:": "needs the hub; tests/models have a fake one",
}
"""Python blocks that are only compiled: a word in them, and why."""

SLOW_PAGES = {
    "README.md",
    "configuration.md",
    "corpora.md",
    "evaluation.md",
    "live.md",
    "models.md",
    "page.md",
    "scaling.md",
    "train.md",
}
"""Pages with commands or programs that train."""


def mark_pages(pages: set[str]) -> list[Any]:
    return [
        pytest.param(page, marks=[pytest.mark.slow] if page in SLOW_PAGES else [])
        for page in sorted(pages)
    ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "work"
    write_workspace(folder)
    return folder


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a reader: with the recordings and corpora that the pages name.

    Recipes make one augmented copy of each utterance instead of six, and nothing starts worker
    processes, since their start takes longer than the work. Results are those of any number.
    """
    folder = tmp_path / "work"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VOXAFFECT_DATA", str(folder / "data"))
    monkeypatch.setenv("VOXAFFECT_ENCODERS", str(folder / "encoders"))
    monkeypatch.setattr("voxaffect.extraction.executors.count_workers", lambda: 1)
    for name in RECIPES:
        recipe = RECIPES[name]
        if recipe.augmentation:
            few = replace(recipe.augmentation, speeds=(), mixed_copies=1)
            monkeypatch.setitem(_RECIPES, name, replace(recipe, augmentation=few))
    return folder


def replace_words(words: list[str]) -> list[str]:
    line = shlex.join(words)
    for old, new in REPLACED.items():
        line = line.replace(old, new)
    return shlex.split(line)


def is_run(line: str) -> bool:
    if "--recipe finetuned" in line and not find_spec("torch"):
        return False
    return not any(re.search(pattern, line) for pattern in NOT_RUN)


def list_voxaffect(line: str) -> list[list[str]]:
    """Commands of voxaffect in a line, without variables before them."""
    commands = [strip_variables(words) for words in split_commands(line)]
    return [words for words in commands if words[0] == "voxaffect"]


def strip_variables(words: list[str]) -> list[str]:
    while "=" in words[0] and not words[0].startswith("-"):
        words = words[1:]
    return words


def test_every_block_names_its_language() -> None:
    known = OUTPUTS | {"console", "python", "toml", "sh", "js"}
    assert [block for block in BLOCKS if block.language not in known] == []


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("page", sorted({block.page for block in CONSOLES}))
def test_every_command_of_a_page_exists(page: str) -> None:
    write_settings(page)
    for line in (line for block in CONSOLES if block.page == page for line in block.commands):
        for words in split_commands(line):
            first = strip_variables(words)[0]
            if first == "python":
                assert (ROOT / words[1]).is_file(), line
            elif first != "voxaffect":
                assert first in OTHER_PROGRAMS, line
        for words in list_voxaffect(line):
            parse_command(words, cli)


@pytest.mark.parametrize("page", mark_pages({block.page for block in CONSOLES}))
def test_the_commands_of_a_page_run(page: str, workspace: Path, trained: Any) -> None:
    write_settings(page)
    trained.model.save(workspace / "mine.onnx")
    for line in (line for block in CONSOLES if block.page == page for line in block.commands):
        expected = [code for pattern, code in FAILING.items() if re.search(pattern, line)]
        for words in map(replace_words, list_voxaffect(line) if is_run(line) else []):
            given = (workspace / "call.wav").read_bytes() if " | " in line else None
            done = CliRunner().invoke(cli, words[1:], input=given)
            output = f"{line}\n{done.output}\n{done.exception!r}"
            assert done.exit_code in (expected or (0, 3)), output


@pytest.mark.parametrize("page", mark_pages({block.page for block in PROGRAMS}))
def test_the_programs_of_a_page_run(page: str, workspace: Path, trained: Any) -> None:
    trained.model.save(workspace / "mine.onnx")
    names = make_names(page, workspace)
    emotions = [*va.observed_emotions]
    for block in (block for block in PROGRAMS if block.page == page):
        code = compile(block.text, page, "exec")
        if not any(word in block.text for word in NOT_EXECUTED):
            exec(code, names)
    va.observed_emotions[:] = emotions  # which the page of the tutorial changes


def test_every_exception_is_still_needed() -> None:
    lines = [line for block in CONSOLES for line in block.commands]
    first = {strip_variables(words)[0] for line in lines for words in split_commands(line)}
    assert set(OTHER_PROGRAMS) - first == set()
    for pattern in (*NOT_RUN, *FAILING, *map(re.escape, REPLACED)):
        assert any(re.search(pattern, line) for line in lines), pattern
    programs = [block.text for block in PROGRAMS]
    assert [word for word in NOT_EXECUTED if not any(word in text for text in programs)] == []
    assert {page.name for page in PAGES} >= SLOW_PAGES


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=lambda b: b.page)
def test_toml_is_valid(block: Block) -> None:
    assert tomllib.loads(block.text)


def write_settings(page: str) -> None:
    """Write the TOML files of a page that name themselves in their first line."""
    for block in BLOCKS:
        name = re.match(r"# (\S+\.toml)\n", block.text)
        if block.page == page and block.language == "toml" and name:
            Path(name[1]).write_text(block.text, encoding="utf-8")


def make_names(page: str, folder: Path) -> dict[str, Any]:
    """What the programs of the pages take as given."""
    content = (folder / "a.wav").read_bytes()
    samples, _ = soundfile.read(folder / "call.wav", dtype="float32")
    recordings = sorted((folder / "data" / "ravdess").glob("Actor_*/*.wav"))
    names = {
        "va": va,
        "samples": np.repeat(samples, 3, axis=0),
        "content": content,
        "stream": io.BytesIO(content),
        "keys": ["one", "two"],
        "fetch": lambda _: content,
        "save": print,
        "report": print,
        "blocks": [samples[start : start + 1_600, 0] for start in range(0, len(samples), 1_600)],
        "paths_of_the_speaker": sorted(folder.glob("speaker/*")),
        "paths": recordings,
        "emotions": [path.name[6:8] for path in recordings],
        "speakers": [path.parent.name for path in recordings],
        "folder": folder / "data" / "ravdess",
        "estimator": va.make_estimator("mlp", seed=0),
        "other": va.make_estimator("mlp", seed=1),
    }
    if page == "schemas.md":
        CliRunner().invoke(cli, ["predict", "call.wav", "-o", "emotions.json"])
    if page == "evaluation.md":
        dataset = va.load_dataset({"ravdess": folder / "data" / "ravdess"}, "classic")
        names |= {"matrix": dataset.matrix, "utterances": dataset.utterances}
    return names
