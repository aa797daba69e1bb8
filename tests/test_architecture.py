"""ARCHITECTURE.md lists the packages in the layers of the import contract."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_architecture_has_the_layers_of_the_import_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = config["tool"]["importlinter"]["contracts"][0]
    expected = [set(re.split(r" [|:] ", layer)) for layer in contract["layers"]]
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    documented: dict[int, set[str]] = {}
    for layer, package in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE):
        documented.setdefault(int(layer), set()).add(package)
    assert [documented[layer] for layer in sorted(documented, reverse=True)] == expected
