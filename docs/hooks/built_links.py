"""Links of the built pages that lead to no file, or to no part of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

LEFT_OUT = ("404.html", "gallery/")  # addresses from the root; whole pages that voxaffect wrote


class _Page(HTMLParser):
    def __init__(self, content: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        values = dict(attrs)
        self.names |= {values[key] or "" for key in ("id", "name") if key in values}
        self.links |= {values[key] or "" for key in ("href", "src") if key in values}

    handle_startendtag = handle_starttag


def list_dead_links(folder: Path) -> Iterator[str]:
    """List the dead links of every page in a folder, each with its page."""
    paths = {path.resolve(): path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    pages = {
        path: _Page(path.read_text(encoding="utf-8"))
        for path, name in paths.items()
        if not name.startswith(LEFT_OUT)
    }
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            if re.match(r"[a-z]+:|//", link):
                continue
            address, _, part = link.partition("#")
            target = (path.parent / address).resolve() if address else path
            names = pages[target].names if target in pages else {part}
            if not target.exists() or (part and part not in names):
                yield f"{paths[path]} links to {link}, which is not there"
