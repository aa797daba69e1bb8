"""A figure as a file of its own, and as a part of a page."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from voxaffect.outputs.figures import palette
from voxaffect.outputs.figures.evaluation import use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_TEXT, _TITLE, _DESCRIPTION = (f"{{{_SVG}}}{tag}" for tag in ("text", "title", "desc"))
_XLINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_SCALE = 1.45
"""Of a figure on a wide page: its letters are then as large as the page's."""
_VARIABLES = {
    palette.INK: "--ink",
    palette.MUTED: "--muted",
    palette.LINE: "--line",
    palette.PAPER: "--paper",
    palette.HEAT: "--heat",
    **{style.color: f"--series-{n}" for n, style in enumerate(palette.SYSTEM_STYLES, 1)},
}
"""Colors that a page sets, so that a figure is dark where the page is."""

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)


def to_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Return the figure as an SVG file, the same every time.

    Parameters
    ----------
    figure : Figure
    name : str
        Prefix of its identifiers: letters, digits and hyphens.
    title, description : str
        For people who do not see it.
    """
    root = ElementTree.fromstring(_save(figure, name))
    for parent in list(root.iter()):
        for child in list(parent):
            # A style element would reach out of its figure; the metadata name Matplotlib.
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    _name_identifiers(root, name)
    for text in root.iter(_TEXT):
        text.set("style", text.get("style", "").replace("'DejaVu Sans', sans-serif", _FONTS))
    root.set("stroke-linejoin", "round")
    root.set("role", "img")
    for tag, words in ((_DESCRIPTION, description), (_TITLE, title)):
        element = ElementTree.Element(tag)
        element.text = words
        root.insert(0, element)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _serialize(root)


def to_inline_svg(svg: str) -> str:
    """Return a figure's file as an element of a page: as wide as the page, in its colors."""
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
    return _serialize(root)


def _variable(color: re.Match[str]) -> str:
    name = _VARIABLES.get(color[0])
    return f"var({name}, {color[0]})" if name else color[0]


@use_style
def _save(figure: Figure, name: str) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        # The reader's browser writes the text, with whatever fonts its script needs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="svg", metadata={"Date": None}, dpi=150)
    return stream.getvalue()


def _name_identifiers(root: ElementTree.Element, name: str) -> None:
    """Keep the identifiers that are referred to, and make them unique among figures."""
    reference = re.compile(r"url\(#([^)]+)\)")
    link = f"{{{_XLINK}}}href"
    used = {
        identifier
        for element in root.iter()
        for attribute, value in element.attrib.items()
        for identifier in ([value[1:]] if attribute == link else reference.findall(value))
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


def _serialize(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode").strip() + "\n"
