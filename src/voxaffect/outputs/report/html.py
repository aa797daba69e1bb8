"""A report as one page that asks nothing of the network and runs no script."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from voxaffect.errors import extra
from voxaffect.outputs.figures.svg import to_inline_svg
from voxaffect.outputs.report.blocks import Report


def to_html(report: Report, figures: Mapping[str, str]) -> str:
    """Set a report as one page: style and figures are inside it.

    Parameters
    ----------
    report : Report
    figures : mapping of str to str
        Every plot of the report as SVG, by name.

    Returns
    -------
    str
    """
    with extra("report"):
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = resources.files("voxaffect.outputs.report").joinpath("page.html")
    inline = {name: Markup(to_inline_svg(svg)) for name, svg in figures.items()}
    page = environment.from_string(template.read_text(encoding="utf-8"))
    return page.render(report=report, figures=inline) + "\n"
