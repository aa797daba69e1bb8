"""The report as Markdown, as GitHub shows it: templates with the numbers of a document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voxaffect.errors import extra
from voxaffect.outputs.figures.palette import MOST_SYSTEMS
from voxaffect.outputs.report import formatting
from voxaffect.outputs.report.context import describe_caveat

if TYPE_CHECKING:
    from jinja2 import Environment

FIGURES = "figures"
MOST_LISTED = 20
"""Rows of a list without a limit. The rest is counted, and listed in report.json."""
METRIC_NAMES = {
    "uar": "UAR",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "top_two": "top-two",
    "nll": "NLL",
    "ece": "ECE",
}
LEAK_NAMES = {
    "speaker": "the same speaker",
    "recording": "the same recording",
    "twin": "an audio-video twin",
    "sentence": "the same sentence",
    "corpus": "a corpus that the model was trained on",
}
_SPECIAL = re.compile(
    r"(?P<interval>\[−?[\d.]+, −?[\d.]+\](?![(\[:]))|(?P<mark>[\\`*_{}\[\]<>|#$~@&\"])"
)
"""Characters of Markdown; not an interval's brackets, so that the source is readable too."""


def render_markdown(context: dict[str, Any]) -> str:
    """Render the templates. Everything that comes from the document is escaped.

    Parameters
    ----------
    context : dict
        As `build_context` gives it.

    Returns
    -------
    str
        Its figures are ``figures/NAME.svg``.

    Raises
    ------
    ValueError
        If the document lacks a part that is needed.
    """
    with extra("report"):
        from jinja2 import TemplateError
    try:
        text = _make_environment().get_template("report.md.j2").render(context)
    except TemplateError as error:  # a part that a sentence needs is missing
        raise ValueError(str(error)) from error
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"


def escape_markdown(text: str) -> str:
    """Escape text, so that Markdown shows it as it is."""
    return _SPECIAL.sub(lambda match: match["interval"] or f"\\{match['mark']}", text)


def _make_environment() -> Environment:
    with extra("report"):
        from jinja2 import ChainableUndefined, Environment, PackageLoader
        from markupsafe import Markup

    def finalize(value: Any) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape_markdown(str(value)))

    def accept_undefined(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(value: Any, *options: Any) -> Any:
            return function(None if isinstance(value, ChainableUndefined) else value, *options)

        return wrapper

    environment = Environment(
        loader=PackageLoader("voxaffect.outputs.report"),
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
    )
    filters: dict[str, Callable[..., Any]] = {
        "number": formatting.format_number,
        "signed": formatting.format_signed,
        "loss": lambda loss: formatting.format_signed(None if loss is None else -loss),
        "percent": formatting.format_percent,
        "interval": formatting.format_interval,
        "estimate": formatting.format_estimate,
        "mean": formatting.format_mean,
        "p": formatting.format_p,
        "plural": formatting.format_count,
        "known": formatting.format_known,
        "caveat": describe_caveat,
        "one_line": lambda text: type(text)(" ".join(text.split())),
        "fence": lambda code: Markup(_fence(code)),
        "link": lambda url: Markup(url.replace("(", "%28").replace(")", "%29")),
    }
    environment.filters |= {name: accept_undefined(filter_) for name, filter_ in filters.items()}
    environment.globals |= {
        "metric_names": METRIC_NAMES,
        "leak_names": LEAK_NAMES,
        "most_listed": MOST_LISTED,
        "most_systems": MOST_SYSTEMS,
    }
    return environment


def _fence(code: str) -> str:
    """Fence code with more backticks than it holds itself."""
    longest = max((len(ticks) for ticks in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}console\n$ {code}\n{fence}"
