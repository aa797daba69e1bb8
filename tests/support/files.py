"""Empty files, for what is read by name alone."""

from __future__ import annotations

from pathlib import Path


def touch_files(root: Path, *names: str) -> Path:
    """Make empty files under a folder, which is returned."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root
