"""Addresses that a browser would fetch from another host when it shows a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

FETCHED = {"src", "srcset", "poster", "data", "background"}
LINKS = {"link", "image", "use", "feimage"}  # elements whose href is fetched, unlike that of <a>
NOT_FETCHED = {"canonical", "next", "prev", "license", "author", "alternate", "edit"}
_EXTERNAL = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_IN_STYLES = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        is_link = tag in LINKS and not NOT_FETCHED & set(values.get("rel", "").split())
        names = FETCHED | ({"href", "xlink:href"} if is_link else set())
        self.addresses += [
            part
            for name, value in values.items()
            if name in names
            for part in (value.split(",") if name == "srcset" else [value])
            if _EXTERNAL.match(part)
        ]
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.addresses += re.findall(r"https?://\S+", values.get("content", ""))

    handle_startendtag = handle_starttag


def list_requests(content: str) -> list[str]:
    """List what a page, a style sheet or a drawing fetches from other hosts.

    Links that a reader may click are not among them.
    """
    parser = _Parser()
    parser.feed(content)
    parser.close()
    return [*parser.addresses, *_IN_STYLES.findall(content)]
