"""Entries of the JSON results: figures, with what is needed to measure them again."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from voxaffect.training import Dataset


def write_entry(
    output: Path,
    name: str,
    figures: dict[str, Any],
    *,
    start: float,
    seed: int,
    libraries: Sequence[str],
) -> None:
    """Replace one entry of a JSON file, and leave the others as they are.

    ``start`` is what ``time.monotonic`` was when the measurement began.
    """
    entry = {
        **figures,
        "minutes": (time.monotonic() - start) / 60,
        "seed": seed,
        "python": platform.python_version(),
        "versions": {library: version(library) for library in libraries},
        "commit": find_commit(),
    }
    document = json.loads(output.read_text()) if output.exists() else {}
    document[name] = entry
    output.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print(name, json.dumps(entry, indent=1), file=sys.stderr)


def find_commit() -> str:
    """Commit of this code."""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.check_output(command, text=True, cwd=Path(__file__).parent).strip()


def count_utterances(data: Dataset) -> dict[str, int]:
    """Number of utterances of each corpus."""
    return dict(sorted(Counter(utterance.corpus for utterance in data.utterances).items()))
