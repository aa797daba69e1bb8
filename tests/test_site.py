"""The site: the navigation has every page, references come from the code, nothing is fetched."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import built_links
import code_tables
import command_reference
import external_requests
import gallery
import layer_diagram
import pytest
import repository_pages
import yaml

import voxaffect
from voxaffect.corpora import CORPORA

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def list_pages(entry: Any) -> Iterator[str]:
    """List the pages of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for child in entry.values() if isinstance(entry, dict) else entry:
            yield from list_pages(child)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def test_the_navigation_covers_every_page_once(config: dict[str, Any]) -> None:
    listed = list(list_pages(config["nav"]))
    notebooks = {f"notebooks/{path.stem}.md" for path in DOCS.glob("notebooks/*.ipynb")}
    pages = {path.name for path in DOCS.glob("*.md")} | set(repository_pages.ROOT_PAGES)
    assert sorted(listed) == sorted(pages | notebooks)


def test_the_site_has_no_fonts_of_another_host(config: dict[str, Any]) -> None:
    assert config["theme"]["font"] is False
    assert not config.get("extra_javascript")


@pytest.mark.parametrize("kind", ["nav", "links"])
def test_every_kind_of_broken_link_ends_a_strict_build(config: dict[str, Any], kind: str) -> None:
    assert set(config["validation"][kind].values()) == {"warn"}


def test_the_reference_names_every_command_and_option() -> None:
    text = command_reference.write_commands()
    commands = dict(command_reference.list_commands())
    assert {"predict", "corpora list", "encoders download"} <= set(commands)
    for name, command in commands.items():
        section = re.split(rf"^#+ voxaffect {name}$", text, flags=re.MULTILINE)[1]
        section = section.split("\n## ")[0]
        for parameter in command.params:
            assert (
                getattr(parameter, "hidden", False)
                or parameter.opts[-1] in section.replace("\\", "")
                or parameter.param_type_name == "argument"
            )


def test_the_table_of_corpora_is_that_of_the_code() -> None:
    rows = code_tables.write_corpora().splitlines()[2:]
    assert [row.split("|")[2].strip(" `") for row in rows] == list(CORPORA)
    assert all(corpus.license in row for corpus, row in zip(CORPORA.values(), rows, strict=True))


def test_every_public_name_is_in_the_reference() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: voxaffect\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted({*voxaffect.__all__, "errors"})


def test_every_name_that_a_page_imports_is_in_the_reference() -> None:
    reference = "".join((DOCS / name).read_text("utf-8") for name in ("api.md", "api-packages.md"))
    imported = {
        f"{package}.{name}"
        for page in [*DOCS.glob("*.md"), ROOT / "README.md"]
        for package, names in re.findall(
            r"^from (voxaffect[\w.]*) import ([\w, ]+)", page.read_text("utf-8"), re.MULTILINE
        )
        for name in names.split(", ")
    }
    assert sorted(name for name in imported if f"::: {name}\n" not in reference) == []


def test_every_schema_has_a_link_and_a_section() -> None:
    page = (DOCS / "schemas.md").read_text(encoding="utf-8")
    for path in DOCS.glob("schemas/*.json"):
        assert f"(schemas/{path.name})" in page
        assert f"## {path.stem}\n" in code_tables.write_schemas()


def test_the_diagram_has_every_package_of_the_import_contract() -> None:
    layers = layer_diagram.read_layers()
    packages = {path.name for path in (ROOT / "src/voxaffect").iterdir() if path.is_dir()}
    assert packages - {"data", "__pycache__"} <= {name for layer in layers for name in layer}
    drawing = layer_diagram.draw_layers()
    assert all(f">{name}</text>" in drawing for layer in layers for name in layer)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("models.md", "[a](../MODEL_CARD.md#use)", "[a](model-card.md#use)"),
        ("models.md", "[a](batches.md)", "[a](batches.md)"),
        ("get-started.md", "[a](docs/batches.md#b)", "[a](batches.md#b)"),
        ("get-started.md", "![a](docs/images/a.svg)", "![a](images/a.svg)"),
        ("get-started.md", "[a](LICENSE)", "[a](repository/LICENSE.md)"),
        ("models.md", "[a](../benchmarks/x.json)", "[a](repository/benchmarks/x.json)"),
        ("releasing.md", "[a](.github/a.yml)", "[a](repository/github/a.yml.md)"),
        ("notebooks/a.md", "[a](../batches.md)", "[a](../batches.md)"),
        ("notebooks/a.md", "[a](../../README.md)", "[a](../get-started.md)"),
        ("models.md", "[a](https://example.org) [b](#c)", "[a](https://example.org) [b](#c)"),
        ("models.md", "```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
    ],
)
def test_a_link_leads_to_the_same_page_on_the_site(page: str, link: str, expected: str) -> None:
    assert repository_pages.rewrite_links(link, page) == expected


@pytest.mark.parametrize(
    "content",
    [
        '<script src="https://host/a.js"></script>',
        '<link rel="stylesheet" href="//host/a.css">',
        '<link rel="preconnect" href="https://host">',
        '<img srcset="a.png 1x, https://host/b.png 2x">',
        '<iframe src="https://host"></iframe>',
        "<style>@import url('https://host/a.css')</style>",
        ".a { background: url(https://host/a.png) }",
        '<svg><image href="https://host/a.png"/></svg>',
    ],
)
def test_a_request_to_another_host_is_listed(content: str) -> None:
    assert external_requests.list_requests(content) != []


def test_a_link_that_a_reader_clicks_is_no_request() -> None:
    page = '<a href="https://host">a</a><script src="a.js"></script><svg xmlns="http://w3.org"/>'
    assert external_requests.list_requests(page) == []


def test_the_extra_has_what_the_configuration_names(config: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = " ".join(project["optional-dependencies"]["docs"])
    plugins = {
        name
        for plugin in config["plugins"]
        for name in ([plugin] if isinstance(plugin, str) else plugin)
    }
    assert all(plugin in extra for plugin in plugins - {"search"})
    assert f"mkdocs-{config['theme']['name']}" in extra


def test_the_concepts_have_only_figures_of_the_benchmarks() -> None:
    tables = [ROOT / "MODEL_CARD.md", DOCS / "benchmarks.md", *ROOT.glob("benchmarks/*.json")]
    known = " ".join(path.read_text(encoding="utf-8") for path in tables)
    pages = [*DOCS.glob("concepts-*.md"), DOCS / "read-a-report.md"]
    figures = {
        figure
        for page in pages
        for figure in re.findall(r"\b0\.\d{3}\b", page.read_text(encoding="utf-8"))
    }
    assert figures - {"0.125"} <= set(re.findall(r"\b0\.\d{3}\b", known))  # 0.125: chance of eight


ASKED = ("uncertain", "confidence", "UAR", "adapt", "VAD", "hop", "extra", "TextGrid")


@pytest.mark.parametrize("word", [*ASKED, "corpus", "utterance", "protocol", "recipe", "segment"])
def test_the_glossary_has_the_words_that_newcomers_asked_for(word: str) -> None:
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    assert re.search(
        rf"^\| (?:`?[\w, -]+`?, )?`?{re.escape(word)}`?(?:, [\w, -]+)? \|", page, re.MULTILINE
    )


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    page = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = [
        word.strip(" `").lower() for word in re.findall(r"^\|([^|]+)\|", page, re.MULTILINE)[2:]
    ]
    assert words == sorted(words)


def test_every_section_of_the_gallery_is_shown() -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- site: gallery-([\w-]+) -->", page)) == set(gallery.SECTIONS)


def test_the_live_view_needs_no_font_of_another_host() -> None:
    drawing = gallery.draw_live_view(*gallery.make_recording(), seconds=3.0)
    assert "last 60 s" in drawing.replace("&#160;", " ")
    assert external_requests.list_requests(drawing) == []


def test_parameters_described_together_are_listed_each() -> None:
    parameter_lists = pytest.importorskip("parameter_lists")  # griffe is of the extra docs
    both = "Parameters\n----------\na, b\n    Both.\nc : int\n"
    text = f"Do.\n\n{both}\nReturns\n-------\nx, y\n    Two.\n"
    expected = text.replace("a, b\n    Both.\n", "a\n    Both.\nb\n    Both.\n")
    assert parameter_lists.split_parameters(text) == expected


def count_parts(html: str) -> dict[str, int]:
    """Count the parts of a page that a reader sees."""
    names = ("li", "ul", "ol", "tr", "td", "pre", "blockquote", "h1", "h2", "h3", "strong", "em")
    return {name: len(re.findall(rf"<{name}[ >]", html)) for name in names}


SOURCES = [
    *sorted(DOCS.glob("*.md")),
    *(ROOT / path for path in repository_pages.ROOT_PAGES.values()),
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_page_has_the_same_parts_on_the_site_and_on_a_code_host(path: Path) -> None:
    """A list without an empty line before it is a list for a code host, but not for the site."""
    markdown = pytest.importorskip("markdown")
    commonmark = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    text = path.read_text(encoding="utf-8")
    extensions = ["attr_list", "md_in_html", "tables", "toc", "fenced_code"]
    built = markdown.markdown(text, extensions=extensions)
    assert count_parts(built) == count_parts(commonmark.render(text))


def test_dead_links_of_built_pages_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a id="top" href="b.html#part"></a><a href="b.html#none"></a><a href="c.html"></a>'
        '<a href="#top"></a><a href="https://host/c.html"></a><img src="c.png">'
    )
    (tmp_path / "b.html").write_text('<h1 id="part"></h1>')
    dead = [line.split(" links to ")[1] for line in built_links.list_dead_links(tmp_path)]
    assert dead == [f"{link}, which is not there" for link in ("b.html#none", "c.html", "c.png")]
