"""Notebooks are committed as they ran: in order, without errors, small, and of no machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import execute_notebooks
import nbformat
import notebook_pages
import pytest
import repository_pages

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "notebooks"
NAMES = ("conversation", "own_features", "tutorial")
CORPORA = {"own_features": "emodb", "tutorial": "ravdess"}
MOST_BYTES = 300_000


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def list_outputs(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cell in notebook["cells"]:
        yield from cell.get("outputs", ())


def test_every_notebook_is_tested() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_was_executed_in_order_without_an_error(name: str) -> None:
    notebook = read(name)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = list(list_outputs(notebook))
    assert len(outputs) >= 10
    assert not [one for one in outputs if one["output_type"] == "error"]
    assert not [one["text"] for one in outputs if one.get("name") == "stderr"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small_and_names_no_path_of_a_machine(name: str) -> None:
    assert (FOLDER / f"{name}.ipynb").stat().st_size < MOST_BYTES
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert execute_notebooks.find_machine_path(notebook) is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_contains_no_recording(name: str) -> None:
    for output in list_outputs(read(name)):
        data = output.get("data", {})
        assert set(data) <= {"text/plain", "text/html", "image/png"}
        assert "<audio" not in "".join(data.get("text/html", ""))


@pytest.mark.parametrize("path", ["/tmp/x1/a.wav", "('/home/me/a.wav')", "C:\\Users\\me"])
def test_a_path_of_a_machine_is_found(path: str) -> None:
    output = nbformat.v4.new_output("stream", text=f"read {path}")
    cell = nbformat.v4.new_code_cell(outputs=[output])
    assert execute_notebooks.find_machine_path(nbformat.v4.new_notebook(cells=[cell]))
    output.text = "read a.wav/b, 3/4 and http://127.0.0.1/home/x"
    assert not execute_notebooks.find_machine_path(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_its_end(name: str, data_root: Callable[[str], Path]) -> None:
    if corpus := CORPORA.get(name):
        data_root(corpus)
    if name == "own_features":
        pytest.importorskip("torch")
    found = execute_notebooks.execute(FOLDER / f"{name}.ipynb")
    assert execute_notebooks.find_machine_path(found) is None
    kinds = [[o["output_type"] for o in cell.get("outputs", ())] for cell in found.cells]
    committed = [
        [o["output_type"] for o in cell.get("outputs", ())] for cell in read(name)["cells"]
    ]
    assert kinds == committed
    if name == "conversation":  # it has no number that depends on the machine
        texts = [one.get("text") for one in list_outputs(found)]
        assert texts == [
            "".join(one["text"]) if "text" in one else None for one in list_outputs(read(name))
        ]


@pytest.mark.slow
def test_the_example_goes_to_the_end_of_the_homework(
    tmp_path: Path, data_root: Callable[[str], Path]
) -> None:
    data_root("ravdess")
    example = ROOT / "src" / "voxaffect" / "data" / "example.wav"
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "tutorial.py", example],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        check=True,
        capture_output=True,
        text=True,
    )
    random, new = (
        float(line.rpartition(" ")[2].rstrip("%"))
        for line in done.stdout.splitlines()
        if line.startswith("Accuracy")
    )
    assert 60 < random < 80
    assert 45 < new < random
    assert ", uncertain>\nTrust: limited\nanswer: " in done.stdout
    assert (tmp_path / "confusion.png").stat().st_size > 5_000


# Pages of the site


def convert(name: str) -> tuple[str, dict[str, str | bytes]]:
    made = notebook_pages.convert_notebook(FOLDER / f"{name}.ipynb")
    return str(made.pop(f"notebooks/{name}.md")), made


def test_a_notebook_becomes_a_page_with_its_outputs(tmp_path: Path) -> None:
    path = tmp_path / "first.ipynb"
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["happy\n"]},
        {
            "output_type": "display_data",
            "data": {"image/png": "aGVsbG8=", "text/plain": ["<Figure>"]},
        },
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# First\n", "Some text."]},
        {"cell_type": "code", "source": ["print(1)"], "outputs": outputs},
    ]
    path.write_text(json.dumps({"cells": cells}))
    made = notebook_pages.convert_notebook(path)
    page = str(made.pop("notebooks/first.md"))
    assert page.startswith("# First\n\n<a href='first.ipynb' download>")
    assert "to run it with Jupyter.\n\nSome text." in page
    assert "``````python\nprint(1)\n``````" in page
    assert "``````text\nhappy\n``````" in page
    assert made == {"notebooks/first-1.png": b"hello"}
    assert "![First](first-1.png)" in page


def test_pictures_are_named_by_the_section_that_they_are_in() -> None:
    page, made = convert("tutorial")
    assert "![The confusion matrix](tutorial-1.png)" in page
    assert all(bytes(content).startswith(b"\x89PNG") for content in made.values())  # type: ignore[arg-type]
    assert page.count(".png)") == len(made)


def test_a_table_of_a_page_has_no_look_of_its_own_and_no_empty_line() -> None:
    page, _ = convert("conversation")
    tables = [part.partition("</div>")[0] for part in page.split("<div>\n")[1:]]
    assert len(tables) >= 5
    assert not [table for table in tables if "\n\n" in table or "<style" in table]
    assert not [table for table in tables if "class=" in table]


def test_links_to_notebooks_lead_to_their_pages_except_for_the_download() -> None:
    page = repository_pages.rewrite_links(convert("tutorial")[0], "notebooks/tutorial.md")
    assert "](own_features.md)" in page
    assert "](../evaluation.md)" in page
    assert "<a href='tutorial.ipynb' download>" in page
    link = repository_pages.rewrite_links("[a](notebooks/conversation.ipynb)", "conversations.md")
    assert link == "[a](notebooks/conversation.md)"
