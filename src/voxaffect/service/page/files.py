"""Static files of the page: a fixed list, so that no request can name another file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

ROOT: Final = "/"
_OWN, _COMPONENT, _DATA = (
    "voxaffect.service.page",
    "voxaffect.outputs.recording",
    "voxaffect.data",
)
_SOURCES: Final = {
    ROOT: (_OWN, "static/index.html"),
    **{
        f"/page/{name}": (_OWN, f"static/{name}")
        for name in (
            "page.css",
            "main.js",
            "access.js",
            "words.js",
            "recording-tab.js",
            "results.js",
            "microphone.js",
            "tap.js",
            "live.js",
            "about.js",
            "bars.js",
            "icon.svg",
        )
    },
    **{
        f"/page/{name}": (_COMPONENT, name)
        for name in ("recording.js", "recording.css", "theme.css")
    },
    "/page/example.wav": (_DATA, "example.wav"),
}
PATHS: Final = frozenset(_SOURCES)
"""Need no token: they are the same for everybody."""
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "wav": "audio/wav",
}
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
SECURITY: Final = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), "
    "payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer about the page: nothing from elsewhere, in no frame of others."""


@dataclass(frozen=True)
class StaticFile:
    """File of the page, with its content in memory."""

    content: bytes
    media_type: str
    tag: str


@lru_cache
def read_file(path: str) -> StaticFile:
    """Static file of one of `PATHS`."""
    package, name = _SOURCES[path]
    content = files(package).joinpath(name).read_bytes()
    ending = name.rpartition(".")[2]
    return StaticFile(content, _TYPES[ending], f'"{sha256(content).hexdigest()[:32]}"')
