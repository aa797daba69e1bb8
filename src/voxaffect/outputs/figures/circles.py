"""Circles of SVG as arcs: Matplotlib writes each dot of a hatch as eight Bezier curves."""

from __future__ import annotations

import re

_CURVES = 8
_TOLERANCE = 0.05
"""Of the distance from the center: Matplotlib's inner circles are not quite round."""
_NUMBER = r"-?[\d.]+"
_CIRCLE = re.compile(
    rf"M (?P<x>{_NUMBER}) (?P<first>{_NUMBER})\s+"
    rf"(?P<curves>(?:C(?: {_NUMBER}){{6}}\s+){{{_CURVES}}})z"
)


def shorten_circles(svg: str) -> str:
    """Write each circle of eight curves as two arcs, which look the same and take little room.

    Parameters
    ----------
    svg : str
        As Matplotlib writes it: the curves of a circle begin at its top or bottom.

    Returns
    -------
    str
    """
    return _CIRCLE.sub(_write_arcs, svg)


def _write_arcs(circle: re.Match[str]) -> str:
    x, first = float(circle["x"]), float(circle["first"])
    ends = [[*map(float, curve.split()[4:6])] for curve in circle["curves"].split("C")[1:]]
    opposite = ends[_CURVES // 2 - 1][1]
    middle, radius = (first + opposite) / 2, abs(first - opposite) / 2
    distances = [((px - x) ** 2 + (py - middle) ** 2) ** 0.5 for px, py in ends]
    if any(abs(distance - radius) > _TOLERANCE * radius for distance in distances):
        return circle[0]
    is_clockwise = (ends[0][0] < x) == (first > opposite)  # of two circles, the inner is a hole
    arc = f"A {radius:.2f} {radius:.2f} 0 0 {is_clockwise:d} {x:.2f}"
    return f"M {x:.2f} {first:.2f} {arc} {opposite:.2f} {arc} {first:.2f} z"
