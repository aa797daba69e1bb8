"""Notebooks as pages: their text, their code and the outputs that are stored in them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "notebooks"
PAGES = {f"docs/notebooks/{p.name}": f"notebooks/{p.stem}.md" for p in FOLDER.glob("*.ipynb")}
"""Pages of the site that are notebooks, by their paths in the repository."""
PICTURES = {"image/png": "png", "image/svg+xml": "svg"}
_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
_LOOK = re.compile(r' (?:border|class|style)="[^"]*"')


def convert_notebook(path: Path) -> dict[str, str | bytes]:
    """Page of a notebook, and its pictures, by their paths on the site."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    made: dict[str, str | bytes] = {}
    parts, heading = [], path.stem
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = [heading, *re.findall(r"^#+ (.+)$", source, re.MULTILINE)][-1]
            parts.append(source)
        elif cell["cell_type"] == "code" and source.strip():
            parts.append(_fence("python", source))
            shown = (_show_output(one, path.stem, heading, made) for one in cell["outputs"])
            parts += filter(None, shown)
    title, _, rest = "\n\n".join(parts).partition("\n")
    # Single quotes: this link leads to the file, the others to its page.
    link = f"<a href='{path.name}' download>Download this notebook</a>, to run it with Jupyter."
    page = f"{title}\n\n{link}\n\n{rest.lstrip()}\n"
    return {f"notebooks/{path.stem}.md": page, **made}


def _fence(language: str, text: str) -> str:
    return f"``````{language}\n{text.rstrip()}\n``````"


def _show_output(
    output: dict[str, Any], stem: str, heading: str, made: dict[str, str | bytes]
) -> str:
    """Show an output as a picture, as a table, or else as text; add a picture to what is made."""
    data = output.get("data", {})
    for kind, ending in PICTURES.items():
        if kind in data:
            content = "".join(data[kind])
            name = f"{stem}-{len(made) + 1}.{ending}"
            made[f"notebooks/{name}"] = content if ending == "svg" else base64.b64decode(content)
            return f"![{heading}]({name})"
    if "text/html" in data:
        table = _LOOK.sub("", _STYLE.sub("", "".join(data["text/html"])))
        lines = [line for line in table.splitlines() if line.strip()]
        return "\n".join(["<div>", *lines, "</div>"])
    text = output.get("text") or data.get("text/plain") or output.get("traceback") or []
    return _fence("text", "".join(text)) if "".join(text).strip() else ""
