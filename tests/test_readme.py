"""The README's two commands are those that are run, and its figures are those of the benchmarks."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import voxaffect

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [line.removeprefix("$ ") for line in BLOCKS[0].splitlines()]


def test_it_opens_with_exactly_two_commands() -> None:
    assert len(COMMANDS) == 2
    assert all(line.startswith("$ ") for line in BLOCKS[0].splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_makes_an_environment_of_its_own(command: str) -> None:
    python = command.split()[3]
    assert command.startswith(f"python3 -m venv {python} && {python}/bin/pip install ")


def test_the_first_recognizes_the_bundled_recording() -> None:
    assert COMMANDS[0].endswith("/voxaffect predict --example")
    command = [sys.executable, "-m", "voxaffect", "predict", "--example"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heading, line = done.stdout.splitlines()
    name, emotion, *probabilities = line.removesuffix("uncertain").split()
    assert done.stdout in README
    assert name == "example.wav"
    assert emotion in heading.split()
    assert sum(map(float, probabilities)) == pytest.approx(1, abs=0.05)


def test_the_second_installs_the_test_extra_and_runs_the_tests() -> None:
    assert '".[test]"' in COMMANDS[1]
    assert COMMANDS[1].endswith("/pytest")


def test_ci_runs_the_commands_of_the_readme() -> None:
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_every_extra_that_the_readme_names_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = {
        extra
        for found in re.findall(r"voxaffect\[([\w,-]+)\]", README)
        for extra in found.split(",")
    }
    assert named <= set(extras)


def test_the_table_of_extras_names_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = README.split("\n## Extras\n")[1].split("\n## ")[0].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    named = set(re.findall(r"`([\w-]+)`", " ".join(cells)))
    assert set(project["optional-dependencies"]) <= named | {"dev"}


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_every_file_that_it_links_to_exists(path: str) -> None:
    assert (ROOT / path).exists()


PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*.py"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_public_name_that_a_page_uses_exists(page: Path) -> None:
    names = set(re.findall(r"\bva\.(\w+)", page.read_text(encoding="utf-8")))
    assert names <= set(voxaffect.__all__)


def test_its_tables_are_those_of_the_benchmarks() -> None:
    command = [sys.executable, ROOT / "benchmarks" / "tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_line_of_text_is_longer_than_a_page_is_wide() -> None:
    assert [row for row in README.splitlines() if len(row) > 112 and row[0] != "|"] == []
