"""The report as one page, rendered from its Markdown: it needs no network and runs no script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from voxaffect.errors import extra
from voxaffect.outputs.figures.svg import to_inline_svg

if TYPE_CHECKING:
    from jinja2 import Environment
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """Cell of a table."""

    html: Markup
    is_number: bool


def render_page(markdown: str, figures: Mapping[str, str]) -> str:
    """Render the Markdown of a report as a page: style and figures are inside it.

    Parameters
    ----------
    markdown : str
        As `render_markdown` gives it.
    figures : mapping of str to str
        SVG of every figure, by its path in the Markdown.

    Returns
    -------
    str
    """
    from markupsafe import Markup

    environment = _make_environment()
    blocks = environment.get_template("blocks.html.j2").module
    parser = _make_parser(figures)
    (title, lead), *sections = _split_sections(parser.parse(markdown))

    def render(tokens: Sequence[Token]) -> Markup:
        whole = list(_replace_tables(_adapt_figures(tokens), parser, blocks))
        return Markup(parser.renderer.render(whole, parser.options, {}))

    package = resources.files("voxaffect.outputs")
    styles = ("recording/theme.css", "report/templates/page.css")  # the tokens of all pages
    style = "".join(package.joinpath(name).read_text(encoding="utf-8") for name in styles)
    page = environment.get_template("page.html.j2").render(
        title=title,
        lead=render(lead),
        summary=_get_text(sections[0][1][1]),
        style=Markup(style),
        sections=[(_slugify(name), name, render(tokens)) for name, tokens in sections],
    )
    return page + "\n"


def list_figures(markdown: str) -> dict[str, tuple[str, str]]:
    """List the figures in the Markdown of a report.

    Returns
    -------
    dict of str to (str, str)
        Title and description, by path.
    """
    return {
        str(child.attrs["src"]): (str(child.attrs["title"]), _get_text(child))
        for token in _make_parser({}).parse(markdown)
        for child in token.children or []
        if child.type == "image"
    }


def _make_environment() -> Environment:
    with extra("report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    return Environment(
        loader=PackageLoader("voxaffect.outputs.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _make_parser(figures: Mapping[str, str]) -> MarkdownIt:
    with extra("report"):
        from markdown_it import MarkdownIt
    from markupsafe import escape

    class Parser(MarkdownIt):
        """Parser that leaves links as they are: only the templates make links."""

        def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
            return True

        def normalizeLink(self, url: str) -> str:  # noqa: N802
            return url

    def show_figure(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
        return to_inline_svg(figures[str(tokens[index].attrs["src"])])

    def show_code(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
        return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'

    parser = Parser("commonmark").enable("table")
    parser.add_render_rule("image", show_figure)
    parser.add_render_rule("fence", show_code)
    return parser


def _split_sections(tokens: Sequence[Token]) -> list[tuple[str, list[Token]]]:
    """Split a document at its headings: the title, then the sections."""
    sections: list[tuple[str, list[Token]]] = []
    rest = iter(tokens)
    for token in rest:
        if token.type == "heading_open":
            sections.append((_get_text(next(rest)), []))
            next(rest)
        else:
            sections[-1][1].append(token)
    return sections


def _adapt_figures(tokens: Sequence[Token]) -> Sequence[Token]:
    """Turn the paragraph after a figure into its caption, and quotations into warnings."""
    for index, token in enumerate(tokens):
        if token.type == "blockquote_open":
            token.attrs |= {"class": "warning", "role": "note"}
        if token.children and token.children[0].type == "image":
            tokens[index - 1].hidden = tokens[index + 1].hidden = True
            tokens[index + 2].tag = tokens[index + 4].tag = "figcaption"
    return tokens


def _replace_tables(tokens: Sequence[Token], parser: MarkdownIt, blocks: Any) -> Iterator[Token]:
    """Replace each table, with the caption before it, by its HTML."""
    from markdown_it.token import Token

    before: list[Token] = []
    rest = iter(tokens)
    for token in rest:
        if token.type != "table_open":
            before.append(token)
            continue
        head, *rows = _read_rows(rest, parser, blocks)
        if before[-1].content.startswith("<!-- cards"):
            del before[-1]
            html = blocks.cards(rows)
        else:
            *before, _, caption, _ = before
            html = blocks.table(_get_text(caption), head, rows)
        before.append(Token("html_block", "", 0, content=str(html)))
    yield from before


def _read_rows(tokens: Iterator[Token], parser: MarkdownIt, blocks: Any) -> list[list[Cell]]:
    """Read the rows of a table, the head first, and leave the tokens behind it."""
    from markupsafe import Markup

    rows: list[list[Cell]] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            content = next(tokens)
            link, *rest = content.children or [content]
            if link.type == "link_open":
                attributes = {name: str(value) for name, value in link.attrs.items()}
                html = str(blocks.recording(rest[0].content, **attributes))
            else:
                html = parser.renderer.render([content], parser.options, {})
            rows[-1].append(Cell(Markup(html), "right" in str(token.attrs.get("style"))))
    return rows


def _get_text(token: Token) -> str:
    """Return the text of an inline token or of an image, without its marks."""
    return "".join(
        " " if child.type == "softbreak" else child.content for child in token.children or []
    )


def _slugify(title: str) -> str:
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
