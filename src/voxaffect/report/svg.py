"""A figure as a file of its own, and as a part of a page."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

from voxaffect.report import figures
from voxaffect.report.blocks import Plot

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_VARIABLES = {
    figures.INK: "--ink",
    figures.MUTED: "--muted",
    figures.LINE: "--line",
    figures.PAPER: "--paper",
    **{look.colour: f"--series-{place}" for place, look in enumerate(figures.SERIES, 1)},
}
"""Colours that a page sets, so that a figure is dark where the page is."""

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)


def to_svg(plot: Plot) -> str:
    """Return the figure as an SVG file with a title and a description, the same every time."""
    root = _drawn(plot, fonts=_FONTS)
    root.set("role", "img")
    for tag, text in (("desc", plot.alternative), ("title", plot.table.caption)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}")
        element.text = text
        root.insert(0, element)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _written(root)


def to_inline_svg(plot: Plot) -> str:
    """Return the figure as an element of a page: as wide as its place, in the page's colours."""
    root = _drawn(plot, fonts="var(--sans)")
    width = float(root.attrib.pop("width").removesuffix("pt"))
    del root.attrib["height"]
    root.set("role", "img")
    root.set("aria-label", plot.alternative)
    root.set("style", f"max-width: {width * 1.45:.0f}px")
    for element in root.iter():
        style = element.get("style")
        if style:
            element.set("style", re.sub(r"#[0-9a-f]{6}\b", _variable, style))
    return _written(root)


def _variable(colour: re.Match[str]) -> str:
    name = _VARIABLES.get(colour[0])
    return f"var({name}, {colour[0]})" if name else colour[0]


def _drawn(plot: Plot, *, fonts: str) -> ElementTree.Element:
    root = ElementTree.fromstring(_saved(plot))
    root.set("stroke-linejoin", "round")
    for parent in list(root.iter()):
        for child in list(parent):
            # A style element would reach out of its figure; the metadata tell of matplotlib.
            if child.tag.rpartition("}")[2] in {"metadata", "style"}:
                parent.remove(child)
    _name_identifiers(root, plot.name)
    for text in root.iter(f"{{{_SVG}}}text"):
        text.set("style", text.get("style", "").replace("'DejaVu Sans', sans-serif", fonts))
    return root


@figures.styled
def _saved(plot: Plot) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": plot.name}), warnings.catch_warnings():
        # The reader's browser writes the text, with whatever fonts its script needs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        plot.figure.savefig(stream, format="svg", metadata={"Date": None}, dpi=200)
    return stream.getvalue()


def _name_identifiers(root: ElementTree.Element, name: str) -> None:
    """Keep the identifiers that are referred to, and make them unique among figures."""
    reference = re.compile(r"url\(#([^)]+)\)")
    link = f"{{{_XLINK}}}href"
    used = {
        found
        for element in root.iter()
        for attribute, value in element.attrib.items()
        for found in ([value[1:]] if attribute == link else reference.findall(value))
    }
    for element in root.iter():
        identifier = element.attrib.pop("id", None)
        if identifier in used:
            element.set("id", f"{name}-{identifier}")
        for attribute, value in element.attrib.items():
            if attribute == link and value.startswith("#"):
                element.set(attribute, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(attribute, reference.sub(rf"url(#{name}-\1)", value))


def _written(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode").strip() + "\n"
