"""Libraries that take seconds to import, imported when used: each worker collects all tests."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest


class Lazy:
    """Module that is imported at its first use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_mock_name" or "pytest" in name:  # it looks there
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


def skip_without(*names: str) -> pytest.MarkDecorator:
    """Mark for the tests of a file that need libraries."""
    missing = [name for name in names if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")
