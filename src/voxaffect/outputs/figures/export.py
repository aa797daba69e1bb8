"""A figure for a paper or slides: PDF or PNG, by Matplotlib."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voxaffect.outputs.figures.evaluation import use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
    "png": {"metadata": {"Software": None}, "dpi": 300},
}
FIGURE_FORMATS = tuple(_SETTINGS)
"""Formats of figures beside SVG."""


@use_style
def export_figure(figure: Figure, name: str) -> bytes:
    """Return the figure as a file of a format, the same every time.

    Parameters
    ----------
    figure : Figure
    name : str
        One of ``FIGURE_FORMATS``.
    """
    import matplotlib

    stream = io.BytesIO()
    # Publishers refuse fonts of type 3, which Matplotlib writes by default.
    with matplotlib.rc_context({"pdf.fonttype": 42}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format=name, **_SETTINGS[name])
    return stream.getvalue()
