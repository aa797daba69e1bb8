"""A release names what it contains, and states one version."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

import voxaffect as va

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "voxaffect"
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
PATTERNS = re.findall(r"^src/\S+$", NOTICE, re.MULTILINE)
BUNDLED = sorted(
    path.relative_to(ROOT).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"
)


@pytest.mark.parametrize("path", BUNDLED)
def test_the_notice_names_every_bundled_file_that_is_not_python(path: str) -> None:
    assert any(fnmatchcase(path, pattern) for pattern in PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_notice_names_nothing_that_is_not_bundled(pattern: str) -> None:
    assert any(fnmatchcase(path, pattern) for path in BUNDLED)


@pytest.mark.parametrize("name", ["accurate", "fast"])
def test_the_notice_names_the_licenses_of_what_a_model_was_trained_on(name: str) -> None:
    section = NOTICE.split(f"src/voxaffect/data/{name}.onnx")[1].split("\n\n")[0]
    expected = {f"{key}, {corpus['license']}" for key, corpus in va.load(name).card.corpora.items()}
    assert set(re.findall(r"^ {8}(\w+, .+)$", section, re.MULTILINE)) == expected


def test_no_page_takes_a_font_or_a_script_from_elsewhere() -> None:
    pages = [ROOT / path for path in BUNDLED if path.endswith((".css", ".html", ".js", ".j2"))]
    external = re.compile(r"""@font-face|@import|(?:src|href)=["']?(?:https?:)?//""")
    assert [page.name for page in pages if external.search(page.read_text(encoding="utf-8"))] == []


KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    head, *sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    assert head.startswith("# Changelog\n\n")
    titles = [section.splitlines()[0] for section in sections]
    assert titles[0] == "[Unreleased]"
    versions = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", t) for t in titles[1:]]
    assert all(versions)
    numbers = [tuple(map(int, match.groups())) for match in versions if match]
    assert numbers == sorted(set(numbers), reverse=True)
    for section in sections:
        kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds]


def test_every_change_is_an_entry_under_its_kind() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    body = changelog.split("\n## ", 1)[1]
    for block in body.split("\n### ")[1:]:
        lines = block.split("\n## ")[0].splitlines()[1:]
        assert lines[0].startswith("- ")
        assert [line for line in lines if not re.match(r"- \S|  \S|$", line)] == []


def test_the_citation_has_the_version_that_was_released_last() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", changelog, re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    stated = (citation.get("version"), citation.get("date-released"))
    assert stated == (released[0] if released else (None, None))


def test_the_workflow_publishes_without_a_stored_secret() -> None:
    path = ROOT / ".github" / "workflows" / "release.yml"
    text = path.read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "secrets." not in text
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["build"]["permissions"] == {"contents": "read"}
    checkout = jobs["build"]["steps"][0]["with"]
    assert checkout["fetch-depth"] == 0  # all tags, of which the version is made
