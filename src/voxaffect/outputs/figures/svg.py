"""A figure as a file of its own, and as a part of a page."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

from voxaffect.outputs.figures import evaluation as figures
from voxaffect.outputs.report.blocks import Plot

_SVG = "http://www.w3.org/2000/svg"
_TEXT, _TITLE, _DESCRIPTION = (f"{{{_SVG}}}{tag}" for tag in ("text", "title", "desc"))
_XLINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_SCALE = 1.45
"""Of a figure on a wide page: its letters are then as large as the page's."""
_VARIABLES = {
    figures.INK: "--ink",
    figures.MUTED: "--muted",
    figures.LINE: "--line",
    figures.PAPER: "--paper",
    figures.HEAT: "--heat",
    **{look.color: f"--series-{place}" for place, look in enumerate(figures.SERIES, 1)},
}
"""Colors that a page sets, so that a figure is dark where the page is."""

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)


def to_svg(plot: Plot) -> str:
    """Return the figure as an SVG file with a title and a description, the same every time."""
    root = ElementTree.fromstring(_saved(plot))
    for parent in list(root.iter()):
        for child in list(parent):
            # A style element would reach out of its figure; the metadata tell of matplotlib.
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    _name_identifiers(root, plot.name)
    for text in root.iter(_TEXT):
        text.set("style", text.get("style", "").replace("'DejaVu Sans', sans-serif", _FONTS))
    root.set("stroke-linejoin", "round")
    root.set("role", "img")
    for tag, words in ((_DESCRIPTION, plot.alternative), (_TITLE, plot.table.caption)):
        element = ElementTree.Element(tag)
        element.text = words
        root.insert(0, element)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _written(root)


def to_inline_svg(svg: str) -> str:
    """Return a figure's file as an element of a page: as wide as its place, in its colors."""
    root = ElementTree.fromstring(svg)
    width = float(root.attrib.pop("width").removesuffix("pt"))
    del root.attrib["height"]
    root.set("aria-label", root.findtext(_DESCRIPTION, ""))
    for child in [*root.findall(_TITLE), *root.findall(_DESCRIPTION)]:
        root.remove(child)  # a page would show the title under the pointer
    root.set("style", f"max-width: {width * _SCALE:.0f}px")
    for element in root.iter():
        style = element.get("style")
        if style:
            element.set("style", re.sub(r"#[0-9a-f]{6}\b", _variable, style))
        if element.tag == _TEXT:
            element.set("style", element.get("style", "").replace(_FONTS, "var(--sans)"))
    return _written(root)


def _variable(color: re.Match[str]) -> str:
    name = _VARIABLES.get(color[0])
    return f"var({name}, {color[0]})" if name else color[0]


@figures.styled
def _saved(plot: Plot) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": plot.name}), warnings.catch_warnings():
        # The reader's browser writes the text, with whatever fonts its script needs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        plot.figure.savefig(stream, format="svg", metadata={"Date": None}, dpi=150)
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
