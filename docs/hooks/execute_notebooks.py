"""Execution of the notebooks: ``python docs/hooks/execute_notebooks.py [NAME …]``.

Each runs in a new kernel and an empty folder, and is written with its outputs. Standard error,
with progress bars and warnings of libraries, is not kept. A path of this machine in an output is
refused.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 600
"""Longest time of a cell; on an idle machine, a whole notebook takes less than a minute."""
MACHINE_PATH = re.compile(
    r"(?:^|[\s\"'(=>])(/(?:home|root|tmp|work|Users|private|var|opt|usr)/\S+|[A-Z]:\\\w\S+)"
)
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path) -> Any:
    """Run a notebook from its first cell to its last, and return it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=SECONDS, resources=resources).execute()
    notebook.metadata = nbformat.from_dict(_KERNEL)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    return notebook


def list_texts(notebook: Any) -> Iterator[str]:
    """List the outputs of a notebook that people read as text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            yield "".join(output.get("text", ""))
            for kind, content in output.get("data", {}).items():
                if kind.startswith("text/"):
                    yield "".join(content)


def find_machine_path(notebook: Any) -> str | None:
    """First path of a machine in the outputs of a notebook."""
    matches = map(MACHINE_PATH.search, list_texts(notebook))
    return next((match[1] for match in matches if match), None)


def main(names: list[str]) -> None:
    """Execute the named notebooks, or all."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        notebook = execute(path)
        if found := find_machine_path(notebook):
            sys.exit(f"{path.name}: an output has the path {found}. Print a name instead.")
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
