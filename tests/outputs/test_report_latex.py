"""LaTeX tables hold the numbers of the document, and names cannot break them."""

from __future__ import annotations

import re
from typing import Any

from support.studies import rename

from voxaffect.outputs.report.latex import to_latex


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r"\\"))]
        for line in text.splitlines()
        if line.endswith(r"\\")
    ]


def test_a_row_holds_mean_deviation_and_interval(evaluation: dict[str, Any]) -> None:
    uar = evaluation["systems"]["logistic"]["evaluations"]["speakers"]["metrics"]["uar"]
    first = next(row for row in rows(to_latex(evaluation)) if row[:2] == ["logistic", "speakers"])
    assert first[2] == rf"{uar['mean']:.3f} $\pm$ {uar['sd']:.3f}"
    low, high = uar["interval"]
    assert first[3] == f"[{low:.3f}, {high:.3f}]"


def test_names_are_escaped_and_every_row_has_the_columns_of_its_table(
    evaluation: dict[str, Any],
) -> None:
    text = to_latex(rename(evaluation, {"logistic": "a_b & 50 % \\input{x} $\n#"}))
    assert r"a\_b \& 50 \% \textbackslash{}input\{x\} \$ \#" in text
    tables = text.split(r"\begin{table}")[1:]
    assert len(tables) == 3
    for table in tables:
        layout = re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)
        assert layout is not None
        assert {len(row) for row in rows(table)} == {len(layout[1])}
        assert table.count(r"\begin{") + 1 == table.count(r"\end{")
