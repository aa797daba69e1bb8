"""A report as Markdown, as GitHub shows it: the page's content, with figures as files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voxaffect.outputs.report.blocks import (
    Block,
    Cards,
    Code,
    Folded,
    Plot,
    Prose,
    Recordings,
    Report,
    Table,
    Terms,
)

FIGURES = "figures"
_MEANS_SOMETHING = re.compile(
    r"(?P<interval>\[−?[\d.]+, −?[\d.]+\](?![(\[:]))|(?P<mark>[\\`*_{}\[\]<>|#$~@&])"
)
"""What Markdown would read; not an interval's brackets, so that the source is good to read too."""


def to_markdown(report: Report) -> str:
    """Set a report as Markdown; its figures are ``figures/NAME.svg``.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    parts = [f"# {escaped(report.title)}", escaped(report.lead)]
    for section in report.sections:
        parts.append(f"## {escaped(section.title)}")
        parts.extend(_block(block) for block in section.blocks)
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown takes as it is."""
    return _MEANS_SOMETHING.sub(lambda found: found["interval"] or f"\\{found['mark']}", text)


def _block(block: Block) -> str:
    match block:
        case Prose():
            return f"> **Note.** {escaped(block.text)}" if block.warns else escaped(block.text)
        case Code():
            return _fenced(block.text)
        case Cards():
            return _cards(block)
        case Table():
            return _table(block)
        case Plot():
            return _plot(block)
        case Recordings():
            return _recordings(block)
        case Terms():
            return "\n".join(
                f"- **{escaped(term)}.** {escaped(said)}" for term, said in block.terms
            )
        case Folded():
            inner = "\n\n".join(_block(each) for each in block.blocks)
            return f"**{escaped(block.summary)}**\n\n{inner}"


def _fenced(text: str) -> str:
    """Fence code with more backticks than it holds itself."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}console\n$ {text}\n{fence}"


def _cards(block: Cards) -> str:
    rows = [
        [f"**{escaped(card.label)}**", f"**{card.value}**", card.interval, escaped(card.note)]
        for card in block.cards
    ]
    return _rows(["", "UAR", "95 % interval", "what it is"], rows, words=[True, False, False, True])


def _table(block: Table) -> str:
    rows = [[escaped(cell) for cell in row] for row in block.rows]
    words = [place < block.words for place in range(len(block.head))]
    head = [escaped(cell) for cell in block.head]
    return f"*{escaped(block.caption)}*\n\n{_rows(head, rows, words=words)}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: Sequence[bool]) -> str:
    rule = [":---" if is_words else "---:" for is_words in words]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _plot(block: Plot) -> str:
    image = f"![{escaped(block.alternative)}]({FIGURES}/{block.name}.svg)"
    summary = block.table.caption.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    data = f"<details><summary>Data: {summary}</summary>\n\n{_table(block.table)}\n\n</details>"
    return f"{image}\n\n{escaped(block.caption)}\n\n{data}"


def _recordings(block: Recordings) -> str:
    rows = [
        [
            escaped(each.truth),
            escaped(each.recognized),
            each.confidence,
            escaped(each.speaker),
            f"[{escaped(each.name)}]({each.url.replace('(', '%28').replace(')', '%29')})",
        ]
        for each in block.recordings
    ]
    head = ["true", "recognized", "confidence", "speaker", "recording"]
    table = _rows(head, rows, words=[True, True, False, True, True])
    return f"*{escaped(block.caption)}*\n\n{table}"
