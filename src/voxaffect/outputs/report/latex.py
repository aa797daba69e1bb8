"""Tables of an evaluation for a paper, in LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from voxaffect.outputs.report.context import list_evaluations
from voxaffect.outputs.report.formatting import (
    UNKNOWN,
    format_interval,
    format_mean,
    format_number,
    format_p,
    format_signed,
)

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
_Rows = Iterable[Sequence[str]]


def to_latex(document: Mapping[str, Any]) -> str:
    r"""Format scores, recalls and paired differences as LaTeX tables.

    The tables need ``\usepackage{booktabs}``.

    Parameters
    ----------
    document : mapping
        As `document` makes it.

    Returns
    -------
    str
    """
    evaluations = list_evaluations(document)
    scores = (
        [
            name,
            one["protocol"],
            format_mean(metrics.get("uar")),
            format_interval((metrics.get("uar") or {}).get("interval")),
            format_mean(metrics.get("accuracy")),
            format_mean(metrics.get("macro_f1")),
        ]
        for name, one in evaluations
        if (metrics := one.get("metrics") or {})
    )
    recalls = (
        [name, one["protocol"], emotion, *(format_number(row.get(key)) for key in _BY_EMOTION)]
        for name, one in evaluations
        for emotion, row in (one.get("by_emotion") or {}).items()
    )
    pairs = (
        [
            f"{pair['a']} − {pair['b']}",
            pair["protocol"],
            format_signed(pair["difference"]),
            format_interval(pair.get("interval")),
            format_p(pair.get("p")),
        ]
        for pair in document.get("paired") or []
    )
    has_folds = any(len(one.get("folds") or ()) > 1 for _, one in evaluations)
    caption = "Mean ± standard deviation over folds" if has_folds else "Scores of one fold"
    tables = [
        (f"{caption}, and 95 % interval of the UAR", _SCORES, scores),
        ("Scores by emotion, over all tested utterances", _EMOTIONS, recalls),
        ("Paired differences of the UAR", _PAIRS, pairs),
    ]
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(
        _format_table(caption, head, list(rows)) for caption, head, rows in tables
    )


_SCORES = ("system", "protocol", "UAR", "95 % interval", "accuracy", "macro-F1")
_BY_EMOTION = ("recall", "precision", "f1")
_EMOTIONS = ("system", "protocol", "emotion", "recall", "precision", "F1")
_PAIRS = ("systems", "protocol", "difference", "95 % interval", "p")


def _format_table(caption: str, head: Sequence[str], rows: _Rows) -> str:
    """Format one table; none without rows."""
    lines = [" & ".join(map(_escape, row)) + r" \\" for row in rows]
    if not lines:
        return ""
    columns = sum(name in ("system", "systems", "protocol", "emotion") for name in head)
    layout = "l" * columns + "r" * (len(head) - columns)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escape(caption)}.}}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            " & ".join(map(_escape, head)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _escape(text: Any) -> str:
    """Escape text, on one line, so that LaTeX shows it as it is."""
    line = " ".join(str(UNKNOWN if text is None else text).split())
    return "".join(_SPECIAL.get(mark, mark) for mark in line)
