"""A report as one page that asks nothing of the network and runs no script."""

from __future__ import annotations

from importlib import resources

from voxaffect.errors import extra
from voxaffect.report.blocks import Report
from voxaffect.report.svg import to_inline_svg


def to_html(report: Report, *, description: str = "") -> str:
    """Set a report as one page: style and figures are inside it.

    Parameters
    ----------
    report : Report
    description : str
        The result in one line, for whatever lists pages.

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
    template = resources.files("voxaffect.report").joinpath("page.html")
    figures = {plot.name: Markup(to_inline_svg(plot)) for plot in report.plots}
    page = environment.from_string(template.read_text(encoding="utf-8"))
    return page.render(report=report, figures=figures, description=description) + "\n"
