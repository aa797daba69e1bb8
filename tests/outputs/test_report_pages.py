"""The written report: whole, escaped, the same every time, and honest about what it lacks."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.studies import rename

from voxaffect.errors import MissingExtraError, VoxaffectError
from voxaffect.outputs.report import write_report
from voxaffect.outputs.report.context import build_context, make_url
from voxaffect.outputs.report.markdown import escape_markdown, render_markdown

SECTIONS = (
    "Result",
    "Systems",
    "Confusion matrix",
    "Scores by emotion",
    "Calibration",
    "Abstention",
    "Scores by speaker",
    "Scores by sex and intensity",
    "Degraded audio",
    "Feature importance",
    "Feature map",
    "Worst errors",
    "Data",
    "Protocol",
    "Leak check",
    "How to reproduce it",
    "How to read this report",
)
ALONE = {"meta", "link", "br", "img", "path", "use", "rect", "image", "circle"}
HOSTILE = '<script>alert("x")</script> & | `$a$` [b](c)\n\x1b[31m\udc80'


class Page(HTMLParser):
    """Tags that balance, attributes by tag, and the text of headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ALONE:
            assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    def every(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.seen if tag in tags]


@pytest.fixture(scope="module")
def document(evaluation: dict[str, Any]) -> dict[str, Any]:
    return evaluation


@pytest.fixture(scope="module")
def folder(report_folder: Path) -> Path:
    return report_folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def written(document: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Return the page and the Markdown of a document."""
    write_report(document, folder)
    page, markdown = folder / "report.html", folder / "report.md"
    return page.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")


def test_it_writes_data_figures_markdown_and_a_page(
    document: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    paths = write_report(document, tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names[:2] == ["report.json", "tables.tex"]
    assert names[-2:] == ["report.md", "report.html"]
    assert all(name.startswith("figures/") for name in names[2:-2])
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(paths)
    # The same document is the same bytes, wherever it is written.
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_every_figure_names_its_systems_and_its_protocol(folder: Path) -> None:
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    figures = re.findall(r'<figure id="figure-([^"]+)">\n\n!.*\n\n(.*)\n', markdown)
    assert len(figures) > 8
    for name, caption in figures:
        if name not in ("headline", "map"):
            assert re.search(r"Systems?: .*logistic|System: eGeMAPS", caption), name
            assert caption.endswith("protocol: speakers."), name


def test_every_card_names_its_system_and_its_protocol(folder: Path) -> None:
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "**New speakers: logistic**" in markdown
    assert "protocol speakers, up to 6 folds" in markdown
    assert "**Random split: logistic**" in markdown
    assert "**Leakage premium: logistic**" in markdown
    assert re.search(r"^UAR of eGeMAPS \+ SVM: \S+ on new speakers", markdown, re.M)


@pytest.mark.parametrize(("p", "is_clear"), [(0.0545, False), (0.0495, True)])
def test_the_p_value_decides_whether_systems_differ_clearly(
    document: dict[str, Any], p: float, is_clear: bool
) -> None:
    (pair, *_) = document["paired"]
    changed = pair | {"difference": 0.03, "interval": [0.004, 0.051], "p": p}
    changed_document = document | {"paired": [changed]}
    markdown = render_markdown(build_context(changed_document, Path("out")))
    assert ("do not differ clearly" not in markdown) == is_clear
    assert ("and p is 0.05 or more." in markdown) != is_clear


def test_the_data_come_back_as_they_were(document: dict[str, Any], folder: Path) -> None:
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == document


def test_the_page_has_every_section_and_leads_to_each(page: Page) -> None:
    assert tuple(page.headings) == SECTIONS
    identifiers = {attributes.get("id") for _, attributes in page.seen}
    links = {each["href"] for each in page.every("a") if (each["href"] or "").startswith("#")}
    assert {link[1:] for link in links if link} <= identifiers
    assert len(links) == len(SECTIONS) + 1  # and past them


def test_the_page_is_well_formed_and_has_landmarks(page: Page) -> None:
    assert page.open == []
    tags = [tag for tag, _ in page.seen]
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert tags.count(landmark) == 1
    assert page.every("html")[0]["lang"] == "en"
    identifiers = [each["id"] for _, each in page.seen if each.get("id")]
    assert len(identifiers) == len(set(identifiers))


def test_the_page_asks_for_nothing(page: Page) -> None:
    assert not page.every("script", "iframe", "object", "embed")
    assert [each["href"] for each in page.every("link")] == ["data:,"]
    assert {each["preload"] for each in page.every("audio")} == {"none"}
    for image in page.every("image", "img"):
        assert (image.get("xlink:href") or image.get("src") or "").startswith("data:")


def test_every_figure_of_the_page_says_what_it_shows(page: Page) -> None:
    drawings = page.every("svg")
    assert len(drawings) >= 12
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert len(drawing["aria-label"] or "") > 60
    assert len(page.every("figure")) == len(drawings)


def test_the_headline_pair_opens_the_page(document: dict[str, Any], folder: Path) -> None:
    page, markdown = (
        (folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md")
    )
    made = document["systems"]["logistic"]["evaluations"]
    for text in (page, markdown):
        for protocol in ("speakers", "random"):
            metric = made[protocol]["metrics"]["uar"]
            low, high = metric["interval"]
            opening = text[: text.index("Systems</h2>" if text is page else "## Systems")]
            assert f"{metric['mean']:.3f}" in opening
            assert f"[{low:.3f}, {high:.3f}]" in opening.replace("\\", "")
        assert "In a random split, the same speaker is in training and test." in text


def test_the_markdown_has_every_section_and_links_every_figure(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert headings(text) == SECTIONS
    for path in (folder / "figures").iterdir():
        assert f"](figures/{path.name} " in text


def test_rows_of_markdown_tables_are_as_long_as_their_heads(folder: Path) -> None:
    tables = [
        block
        for block in (folder / "report.md").read_text(encoding="utf-8").split("\n\n")
        if block.startswith("|")
    ]
    assert len(tables) > 15
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1


def test_what_comes_from_data_is_escaped(document: dict[str, Any], tmp_path: Path) -> None:
    document = rename(document, {"happy": HOSTILE, "logistic": HOSTILE})
    document["command"] = HOSTILE
    document["data"]["failures"] = [{"path": HOSTILE, "reason": HOSTILE}]
    text, markdown = written(document, tmp_path)
    page = Page(text)
    assert page.open == []
    assert not page.every("script")
    prose = re.sub(r"^```+.*?^```+", "", markdown, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in prose.replace("\\<", "")
    assert "\x1b" not in text + markdown


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/a b.wav", "file:///data/a%20b.wav"),
        ('/data/"><b>.wav', "file:///data/%22%3E%3Cb%3E.wav"),
        ("/data/\udcff.wav", "file:///data/%FF.wav"),
        ("javascript:alert(1)", "./../javascript%3Aalert%281%29"),
        ("out/a#b?.wav", "./a%23b%3F.wav"),
    ],
)
def test_a_recording_is_found_from_the_page(path: str, expected: str) -> None:
    assert make_url(path, Path("out")) == expected


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the document without something, wherever it stood."""
    smaller = dict(json.loads(json.dumps(document)))
    for system in smaller["systems"].values():
        for holder in (smaller, system, *system["evaluations"].values()):
            for key in keys:
                holder.pop(key, None)
    return smaller


def headings(markdown: str) -> tuple[str, ...]:
    return tuple(line[3:] for line in markdown.splitlines() if line.startswith("## "))


@pytest.mark.parametrize(
    ("keys", "heading", "reason"),
    [
        (("by_emotion",), "Scores by emotion", "the document has none"),
        (("reliability",), "Calibration", "the document has no reliability"),
        (("risk_coverage", "thresholds"), "Abstention", "the document has no risk by coverage"),
        (("by_speaker",), "Scores by speaker", "no speaker is known"),
        (("by_sex", "by_intensity"), "Scores by sex and intensity", "neither is known"),
        (("robustness",), "Degraded audio", "it was not tested (--condition)"),
        (("importance",), "Feature importance", "no feature group was permuted"),
        (("embedding",), "Feature map", "the document has none"),
        (("probabilities",), "Worst errors", "the document has no probabilities"),
        (("leaks",), "Leak check", "it was not run"),
    ],
)
def test_a_missing_part_has_no_section_and_a_reason(
    document: dict[str, Any], keys: tuple[str, ...], heading: str, reason: str
) -> None:
    markdown = render_markdown(build_context(without(document, *keys), Path("out")))
    assert headings(markdown) == tuple(title for title in SECTIONS if title != heading)
    assert f"{heading}: {reason}." in markdown


def bare(document: dict[str, Any]) -> dict[str, Any]:
    """Return the least that is a document."""
    full = rename(document, {"happy": "keen"})
    evaluation = full["systems"]["logistic"]["evaluations"]["random"]
    kept = ("protocol", "summary", "new_voices", "emotions", "metrics", "confusion")
    members = [
        {"path": each["path"], "corpus": "csv", "emotion": each["emotion"], "speaker": None}
        for each in full["utterances"]
    ]
    evaluation["metrics"] = {"uar": {"mean": 0.8, "sd": 0.0, "interval": None}}
    return {
        "kind": full["kind"],
        "schema_version": 1,
        "utterances": members,
        "protocol": "random",
        "reference_protocol": None,
        "reference_missing": "no speakers are known",
        "systems": {"mine": {"evaluations": {"random": {key: evaluation[key] for key in kept}}}},
    }


def test_a_bare_document_is_a_report(document: dict[str, Any], tmp_path: Path) -> None:
    text, _ = written(bare(document), tmp_path)
    assert "was not measured on new speakers (no speakers are known)" in text
    assert "speakers unknown" in text


def test_without_an_error_none_is_shown(document: dict[str, Any]) -> None:
    flawless = json.loads(json.dumps(document))
    evaluation = flawless["systems"]["logistic"]["evaluations"]["speakers"]
    emotions, members = evaluation["emotions"], flawless["utterances"]
    evaluation["probabilities"] = [
        [float(name == members[place]["emotion"]) for name in emotions]
        for place in evaluation["tested"]
    ]
    markdown = render_markdown(build_context(flawless, Path("out")))
    assert "logistic made no error." in markdown


def test_the_worst_errors_come_first_and_only_once(document: dict[str, Any], page: Page) -> None:
    evaluation = document["systems"]["logistic"]["evaluations"]["speakers"]
    wrong = []
    for place, row in zip(evaluation["tested"], evaluation["probabilities"], strict=True):
        recognized = evaluation["emotions"][row.index(max(row))]
        if recognized != document["utterances"][place]["emotion"]:
            wrong.append((-max(row), place, document["utterances"][place]["path"]))
    expected = [f"file://{path}" for _, _, path in sorted(wrong)[:12]]
    assert [each["src"] for each in page.every("audio")] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "prediction"}, "not an evaluation"),
        ({"schema_version": 2}, "written in format 2, this voxaffect reads up to 1"),
        ({"systems": {}}, "holds no system"),
    ],
)
def test_another_document_is_refused(
    document: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(VoxaffectError, match=message):
        write_report({**document, **change}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("library", ["matplotlib", "jinja2", "markdown_it"])
def test_what_is_not_installed_is_named_with_its_extra(
    library: str, document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[report\]"):
        write_report(document, tmp_path)


def test_all_missing_libraries_are_named_before_the_document_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] in ("jinja2", "matplotlib")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("jinja2", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"^Jinja2 and Matplotlib are not .*\[report\]"):
        write_report({}, tmp_path)  # no document: it would be refused


def test_intervals_are_left_readable_and_links_are_not_made() -> None:
    assert escape_markdown("0.5 [0.4, 0.6]") == "0.5 [0.4, 0.6]"
    assert escape_markdown("[0.4, 0.6](x)") == r"\[0.4, 0.6\](x)"
    assert escape_markdown("[a]: b_c") == r"\[a\]: b\_c"


def test_a_folder_that_is_a_file_is_explained(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(VoxaffectError, match="out: cannot be made a folder"):
        write_report(bare(document), tmp_path / "out")
