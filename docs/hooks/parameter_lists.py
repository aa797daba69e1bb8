"""Parameters that a docstring describes together, each with a type of its own.

Of ``rate_hz, model`` without a type, griffe would give all names the annotation of the first.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(r"(?<=^Parameters\n----------\n)(?:(?!\n\w[^\n]*\n-{3,}).)*", re.M | re.S)
_NAMES = re.compile(r"^((?:\w+, )+\w+)\n((?:[ ]+\S.*(?:\n|\Z)|\n(?=[ ]))+)", re.M)


def split_parameters(docstring: str) -> str:
    """Docstring with an entry for each parameter that is described with others, without a type."""
    return _SECTION.sub(lambda section: _NAMES.sub(_split, section[0]), docstring)


def _split(match: re.Match[str]) -> str:
    body = match[2] if match[2].endswith("\n") else f"{match[2]}\n"
    return "".join(f"{name}\n{body}" for name in match[1].split(", "))


class ParameterLists(griffe.Extension):
    """Extension of griffe that mends every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Mend the docstring of an object."""
        if obj.docstring:
            obj.docstring.value = split_parameters(obj.docstring.value)
