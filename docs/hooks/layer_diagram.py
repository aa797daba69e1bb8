"""Diagram of the packages, drawn from the import contract in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from html import escape
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
WIDTH, HEIGHT, GAP, BOX = 720, 40, 18, 132


def read_layers(path: Path = PROJECT) -> list[list[str]]:
    """Packages of each layer of the import contract, the highest layer first."""
    config = tomllib.loads(path.read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in layers]


def draw_layers() -> str:
    """Drawing of the layers as SVG, for a page."""
    layers = read_layers()
    height = len(layers) * (HEIGHT + GAP) + GAP
    rows = "".join(
        _draw_layer(names, GAP + index * (HEIGHT + GAP), is_last=index == len(layers) - 1)
        for index, names in enumerate(layers)
    )
    words = "; ".join(" and ".join(names) for names in layers)
    return (
        f'<svg class="layers" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Layers from top to bottom: {escape(words)}" '
        f'xmlns="http://www.w3.org/2000/svg">{rows}</svg>'
    )


def _draw_layer(names: list[str], top: int, *, is_last: bool) -> str:
    left = (WIDTH - len(names) * BOX - (len(names) - 1) * GAP) / 2
    boxes = ""
    for name in names:
        boxes += (
            f'<rect x="{left:g}" y="{top}" width="{BOX}" height="{HEIGHT}" rx="4"/>'
            f'<text x="{left + BOX / 2:g}" y="{top + HEIGHT / 2 + 5:g}">{escape(name)}</text>'
        )
        left += BOX + GAP
    end = top + HEIGHT
    middle = WIDTH // 2
    arrow = f'<path d="M{middle} {end + 2}v{GAP - 5}m-4 -5l4 5l4 -5"/>'
    return boxes + ("" if is_last else arrow)
