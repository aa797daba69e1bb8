"""Command ``compare``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from voxaffect.console import print_data, print_line, print_message
from voxaffect.errors import EvaluationError

_SIGNIFICANT = 0.05


def _two_systems(path: Path, document: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Systems to compare where one file stands alone."""
    systems = list(document["systems"])
    if len(names) == 2:
        return list(names)
    if len(systems) == 2 and not names:
        return systems
    remedy = "Name another file" if len(systems) < 2 else "Name two of them with --system"
    raise EvaluationError(
        f"{path}: expected two systems to compare, found {len(systems)}: {', '.join(systems)}. "
        f"{remedy}."
    )


@click.command()
@click.argument("one", type=click.Path(path_type=Path), metavar="A.json")
@click.argument("other", type=click.Path(path_type=Path), metavar="[B.json]", required=False)
@click.option(
    "--system",
    "names",
    multiple=True,
    metavar="NAME",
    help="System to compare, if a file holds several: first of A, then of B. By default the "
    "first of each file. With A alone, name two of its systems.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def compare(one: Path, other: Path | None, names: tuple[str, ...], format_: str) -> None:
    """Compare the UAR of two evaluations on the same folds.

    The result is a paired confidence interval and a paired test. A.json and B.json come from
    `voxaffect evaluate --format json` or `--report`. One file is enough if it holds two systems.
    """
    if len(names) > 2:
        raise click.UsageError("--system names one system of A, then one of B.")
    from voxaffect.outputs.report import compare as compare_documents, read_document

    first = read_document(one)
    if other is None:
        other, sides, chosen = one, (first, first), _two_systems(one, first, names)
    else:
        sides = first, read_document(other)
        chosen = [*names, *(next(iter(side["systems"])) for side in sides[len(names) :])]
    result = compare_documents(*sides, names=(chosen[0], chosen[1]))
    _print_comparison(result, (one, other), chosen, is_json=format_ == "json")
    if sides[0] == sides[1] and chosen[0] == chosen[1]:
        print_message(
            f"{one}: {chosen[0]} is compared with itself. Name two systems with --system, or "
            "another file."
        )


def _print_comparison(
    result: Mapping[str, Any], paths: Sequence[Path], chosen: Sequence[str], *, is_json: bool
) -> None:
    if is_json:
        print_data(json.dumps({"systems": chosen, **result}, indent=1, allow_nan=False) + "\n")
        return
    speakers = result["speakers"]
    known = "unknown speakers" if speakers is None else f"{speakers} speakers"
    print_line(f"{result['protocol']}, {result['utterances']} tested utterances, {known}")
    for path, name, key in zip(paths, chosen, ("a", "b"), strict=True):
        print_line(f"UAR {result[key]:.3f}  {name} ({path})")
    low, high = result["interval"]
    unit = "utterances" if speakers is None else "speakers"
    print_line(
        f"difference {result['difference']:+.3f}, 95 % over {unit} {low:+.3f} to "
        f"{high:+.3f}, p = {result['p']:.4f}"
    )
    if speakers is None:
        return
    least = 2 ** (1 - speakers)
    if least > _SIGNIFICANT:
        print_line(f"with {speakers} speakers p cannot be under {least:g}, whatever the difference")
