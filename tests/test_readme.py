"""The README's two commands are those that are run, and its figures are those of the benchmarks."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

import voxaffect
from voxaffect.cli import cli
from voxaffect.outputs.figures.timeline import plot

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
OUTPUTS = re.findall(
    r"^```console\n\$ ([^\n]+)\n```\n\n```text\n(.*?)^```", README, re.DOTALL | re.MULTILINE
)
EXAMPLE = ROOT / "src" / "voxaffect" / "data" / "example.wav"
COMMANDS = [line.removeprefix("$ ") for line in BLOCKS[0].splitlines()]


def test_it_opens_with_exactly_two_commands() -> None:
    assert len(COMMANDS) == 2
    assert all(line.startswith("$ ") for line in BLOCKS[0].splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_makes_an_environment_of_its_own(command: str) -> None:
    python = command.split()[3]
    assert command.startswith(f"python3 -m venv {python} && {python}/bin/pip install ")


def test_it_has_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= 150


def test_the_first_recognizes_the_bundled_recording() -> None:
    assert COMMANDS[0].endswith("/voxaffect predict --example")


@pytest.mark.parametrize(("command", "output"), OUTPUTS)
def test_a_command_prints_the_output_below_it(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, shlex.split(command)[1:])
    assert (done.exit_code, done.stdout) == (0, output)


def test_the_page_of_models_shows_what_info_prints() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    sample = re.search(r"^\$ voxaffect info fast  .*\n((?:.+\n)+?)…$", page, re.MULTILINE)
    assert sample is not None
    done = CliRunner().invoke(cli, ["info", "fast"], terminal_width=120)
    assert done.output.startswith(sample[1])


def test_three_commands_show_their_output() -> None:
    assert [command.split()[1] for command, _ in OUTPUTS] == ["predict", "doctor", "timeline"]


def test_the_bundled_recording_passes_doctor() -> None:
    for model in ("accurate", "fast"):
        diagnosis = voxaffect.diagnose(EXAMPLE, model=model)
        assert (diagnosis.trust, diagnosis.flaws) == ("high", ())


def test_the_picture_is_what_the_command_draws(tmp_path: Path) -> None:
    """Its words and shapes, since versions of Matplotlib write numbers differently."""
    (timeline,) = voxaffect.timeline(EXAMPLE, name="example.wav")
    plot([timeline], tmp_path / "timeline.svg", recording=EXAMPLE)
    assert list_words(ROOT / "docs/images/timeline.svg") == list_words(tmp_path / "timeline.svg")


def list_words(path: Path) -> list[str]:
    return [text.strip() for text in ElementTree.parse(path).getroot().itertext() if text.strip()]


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
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = page.split("\n## Extras\n")[1].split("\n## ")[0].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    named = set(re.findall(r"`([\w-]+)`", " ".join(cells)))
    assert set(project["optional-dependencies"]) <= named | {"dev"}


TEXTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor and target.suffix == ".md" and "<!-- site:" not in target.read_text("utf-8"):
            assert anchor in list_anchors(target), link


def list_anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub and the site make them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*.py"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_public_name_that_a_page_uses_exists(page: Path) -> None:
    names = set(re.findall(r"\bva\.(\w+)", page.read_text(encoding="utf-8")))
    assert names <= set(voxaffect.__all__)


def test_its_tables_are_those_of_the_benchmarks() -> None:
    command = [sys.executable, ROOT / "benchmarks" / "tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_scores_in_texts_are_those_of_the_benchmarks() -> None:
    unseen, accuracy = (
        json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
        for name in ("unseen", "accuracy")
    )
    plain, adapted = (unseen["encoder"][way]["mean"] for way in ("plain", "by speaker"))
    text = " ".join(README.split())
    assert f"share is {plain['uar']:.2f}, and {adapted['uar']:.2f} with" in text
    both = [f"{mean['uar_all_emotions']:.2f}" for mean in (plain, adapted)]
    assert f"With all emotions as answers, it is {' and '.join(both)}" in text
    finished = json.loads((ROOT / "benchmarks" / "finished.json").read_text())
    assert f"on three other corpora, {finished['fast']['risk']:.0%}".replace("%", " %") in text
    sexes = accuracy["emobox-encoder"]["clean"]["by_sex"]
    corpora = [one["uar"] for one in unseen["encoder"]["plain"]["corpora"].values()]
    page = (ROOT / "docs" / "responsible-use.md").read_text(encoding="utf-8")
    assert f"{sexes['female']:.2f} for women and {sexes['male']:.2f} for men" in page
    assert f"from {min(corpora):.2f} (Polish) to {max(corpora):.2f} (German)" in page


def test_the_figures_in_the_text_of_the_card_are_those_of_the_benchmarks() -> None:
    unseen, finished, accuracy = (
        json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
        for name in ("unseen", "finished", "accuracy")
    )
    text = " ".join((ROOT / "MODEL_CARD.md").read_text(encoding="utf-8").split())
    cross, speakers = (accuracy[f"{part}-networks"] for part in ("cross", "emobox"))
    assert f"There `networks` has a UAR of {cross['uar']['mean']:.3f}." in text
    assert f"RAVDESS it has {speakers['clean']['uar']['mean']:.3f}," in text
    plain = unseen["encoder"]["plain"]["corpora"]
    right = sorted(round(100 * part["right"]) for part in plain.values())
    assert right[0] in range(45, 55)  # half of nEMO
    assert f"{right[1]} to {right[-1]} % of them are right" in text
    aesdd, emovo, nemo = (
        f"{1 - finished['fast']['corpora'][name]['right']:.0%}".replace("%", " %")
        for name in ("aesdd", "emovo", "nemo")
    )
    assert f"({aesdd} on AESDD, {emovo} on EMOVO, {nemo} on nEMO)" in text
    assert f"certain there, {finished['fast']['risk']:.0%}".replace("%", " %") in text


def test_the_shares_of_wrong_certain_answers_are_those_of_the_benchmarks() -> None:
    unseen, finished = (
        json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
        for name in ("unseen", "finished")
    )
    recordings = {"aesdd": 360, "emovo": 588}
    assert sum(recordings.values()) == finished["accurate"]["utterances"]

    def join_risk(model: str) -> str:
        """Share of wrong answers among the certain ones of both corpora."""
        corpora = finished[model]["corpora"]
        certain = {name: count * corpora[name]["coverage"] for name, count in recordings.items()}
        right = sum(count * corpora[name]["right"] for name, count in certain.items())
        return f"{1 - right / sum(certain.values()):.0%}".replace("%", " %")

    accurate, fast = join_risk("accurate"), join_risk("fast")
    card, uncertainty, predict, responsible = (
        " ".join((ROOT / path).read_text(encoding="utf-8").split())
        for path in (
            "MODEL_CARD.md",
            "docs/concepts-uncertainty.md",
            "docs/predict.md",
            "docs/responsible-use.md",
        )
    )
    assert f"{fast} of those of `fast` and {accurate} of those of `accurate` are wrong" in card
    for page in (predict, responsible):
        assert f"{accurate} with `accurate` and {fast} with `fast`" in page
    assert f"| `accurate` | {accurate} |" in uncertainty
    nemo = 1 - finished["fast"]["corpora"]["nemo"]["right"]
    assert (
        f"| `fast` | {fast} | {nemo:.0%} |".replace("%", " %").replace("  %", " %") in uncertainty
    )
    plain = unseen["encoder"]["plain"]
    mean, worst = 1 - plain["mean"]["right"], 1 - plain["corpora"]["nemo"]["right"]
    assert f"{100 * mean:.0f} % in the mean, and {100 * worst:.0f} % on nEMO" in uncertainty


def test_no_line_of_text_is_longer_than_a_page_is_wide() -> None:
    text = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    assert [row for row in text.splitlines() if len(row) > 120 and row[0] not in "|!"] == []
