"""``evaluate`` and ``compare``: honest figures."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.output import (
    Writes,
    check_apart,
    check_output,
    check_result,
    emit,
    finish,
    format_of,
)
from voxaffect.cli.study import (
    chosen_recipes,
    corpus_options,
    gathered,
    list_failures_on_error,
)
from voxaffect.console import print_data, print_line, print_message, stderr_is_terminal
from voxaffect.errors import EvaluationError
from voxaffect.evaluation import (
    PROTOCOLS,
    Protocol,
    Study,
    System,
    evaluate_systems,
    protocol_named,
    read_split,
    write_split,
)
from voxaffect.evaluation.protocols import common_emotions
from voxaffect.extraction import Failure
from voxaffect.files import check_folder, make_folder
from voxaffect.outputs.report import (
    Document,
    check_installed,
    document,
    read_document,
    to_csv,
    to_json,
    to_text,
    write_report,
)
from voxaffect.outputs.report import compare as compare_documents
from voxaffect.training import RECIPES, Dataset, Recipe
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.conditions import CONDITIONS, needs_babble

_ALL = "all"
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv"}


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@corpus_options
@click.option(
    "--protocol", type=click.Choice(list(PROTOCOLS)), default="speakers", show_default=True
)
@click.option(
    "--split",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take the folds from this file instead: a CSV of fold, role, recording.",
)
@click.option(
    "--save-split",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write which utterances train and test in every fold, for --split.",
)
@click.option(
    "--recipe",
    "recipe_names",
    type=click.Choice(list(RECIPES)),
    multiple=True,
    help="Repeat it to compare.  [default: logistic; for classic features, mlp; for "
    "the tutorial protocol, tutorial and mlp]",
)
@click.option(
    "--condition",
    "conditions",
    type=click.Choice([*CONDITIONS, _ALL]),
    multiple=True,
    metavar="CONDITION",
    help="Also test under degraded audio, such as 'noise 10 dB'. Repeatable. One of: "
    f"{'; '.join([*CONDITIONS, _ALL])}.",
)
@click.option(
    "--beside/--no-beside",
    default=True,
    show_default=True,
    help="Put a random split beside new voices, and the other way round.",
)
@click.option(
    "--insight/--no-insight",
    default=None,
    help="Find out which features carry the decisions.  [default: with --report]",
)
@click.option(
    "--allow-leaks",
    is_flag=True,
    help="Go on though a speaker or a recording is on both sides of a fold.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write JSON, Markdown, a web page and the split here; needs the extra report.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    help="Figures, all there is, or a row for every tested utterance.  [default: as the "
    "output's name ends, else text]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the result here instead of standard output: .txt, .json or .csv.",
)
def evaluate(
    corpora: tuple[str, ...],
    protocol: str,
    split: Path | None,
    save_split: Path | None,
    recipe_names: tuple[str, ...],
    conditions: tuple[str, ...],
    beside: bool,
    insight: bool | None,
    allow_leaks: bool,
    folder: Path | None,
    format_: str | None,
    output: Path | None,
    emotions: list[str] | None,
    **options: Any,
) -> None:
    """Measure recipes on one or more corpora by a protocol.

    A random split and folds on new voices always stand side by side. Protocols: tutorial
    (random 25 %, 20 seeds, four emotions), random (the same with 6 seeds, all emotions),
    speakers (six folds of unheard speakers), loso (one speaker left out at a time), emobox
    (EmoBox's RAVDESS folds), sentences (one left out at a time; sentences-speakers: by new
    speakers), cross (trained on the first corpus named, tested on the others).
    """
    form = format_of(output, format_, _ENDINGS)
    check_result(output, sources=[*options["roots"], split])
    check_output(save_split, sources=[*options["roots"], split])
    check_apart(output, save_split)
    if folder is not None:
        make_folder(folder)
        check_folder(folder)
        check_installed()  # says now, not after the work, what is missing
    by = read_split(split) if split else protocol_named(protocol)
    is_tutorial = by.name == "tutorial" and not recipe_names and not options["features"]
    named = ("tutorial", "mlp") if is_tutorial else recipe_names
    recipes = chosen_recipes(named, options["features"])
    altered = CONDITIONS if _ALL in conditions else conditions
    systems, failures = _systems(
        corpora, recipes, altered, emotions=emotions or _emotions(by), **options
    )
    if by.name == "cross":
        _hint_at_labels(next(iter(systems.values())).data)
    with list_failures_on_error(failures):
        found = evaluate_systems(
            systems,
            protocol=by,
            seed=options["seed"],
            beside=beside,
            insight=folder is not None if insight is None else insight,
            workers=options["workers"],
            allow_leaks=allow_leaks,
            progress=stderr_is_terminal(),
        )
    writes = Writes()
    plain = document(
        found, command=shlex.join(["voxaffect", *sys.argv[1:]]), embedded=folder is not None
    )
    _emit(plain, form, output, writes)
    if save_split:
        with writes.attempt():
            _save_split(save_split, found)
    if folder is not None:
        with writes.attempt():
            _report(found, plain, folder)
    finish(failures, len(found.utterances))
    writes.finish()


def _hint_at_labels(data: Dataset) -> None:
    """Print which emotions corpora do not share, in case two words mean the same."""
    if line := common_emotions(data.utterances):
        hint = "if words mean the same, say so with --labels"
        print_message(f"cross: {line}; {hint}")


def _emotions(protocol: Protocol) -> list[str] | None:
    return list(protocol.emotions) if protocol.emotions else None


def _systems(
    corpora: Sequence[str],
    recipes: Sequence[Recipe],
    conditions: Sequence[str],
    *,
    emotions: Sequence[str] | None,
    **options: Any,
) -> tuple[dict[str, System], tuple[Failure, ...]]:
    """Recipes with their features, on the utterances that all of them could use."""
    estimators = {recipe.name: recipe.build(options["seed"]) for recipe in recipes}
    datasets: dict[tuple[Any, ...], dict[str, Dataset]] = {}
    for recipe in recipes:
        key = (recipe.features, recipe.groups, recipe.augmentation)
        if key not in datasets:
            clean = gathered(corpora, recipe, emotions, **options)
            is_needed = any(map(needs_babble, conditions))
            source = BabbleSource.from_utterances(clean.utterances) if is_needed else None
            plain = {**options, "augment": False, "source": source}
            datasets[key] = {"": clean} | {
                name: gathered(corpora, recipe, emotions, condition=name, **plain)
                for name in conditions
            }
    every = [data for found in datasets.values() for data in found.values()]
    common = set(every[0].utterances).intersection(*(data.utterances for data in every))
    systems = {}
    for recipe in recipes:
        found = datasets[recipe.features, recipe.groups, recipe.augmentation]
        rows = {name: data.where(common) for name, data in found.items()}
        altered = {name: data.matrix for name, data in rows.items() if name}
        systems[recipe.name] = System(estimators[recipe.name], rows[""], altered, recipe.summary)
    return systems, _failures(every)


def _failures(every: Sequence[Dataset]) -> tuple[Failure, ...]:
    """Each recording, or part of one, once, whatever else was done to it."""
    found = {(f.path, f.reason): f for data in every for f in reversed(data.failures)}
    return tuple(found[key] for key in sorted(found))


def _save_split(path: Path, found: Study) -> None:
    first = next(iter(found.systems.values())).evaluations[found.protocol.name]
    write_split(path, [result.fold for result in first.folds], found.utterances)


def _emit(plain: Document, form: str, output: Path | None, writes: Writes) -> None:
    """Print or write the result; print it where it cannot be written: it took long to come by."""
    text = {"text": to_text, "json": to_json, "csv": to_csv}[form](plain)
    before = writes.failures
    with writes.attempt():
        emit(text, output, is_data=form != "text")
    if writes.failures > before and output is not None:
        with writes.attempt():
            emit(text, None, is_data=form != "text")
    elif output is not None:
        name, system = next(iter(plain["systems"].items()))
        uar = system["evaluations"][plain["protocol"]]["metrics"]["uar"]["mean"]
        print_message(f"UAR {uar:.3f} ({name}, {plain['protocol']}): {output}")


def _report(found: Study, plain: Document, folder: Path) -> None:
    """Write the report; its split first, which is small."""
    _save_split(folder / "folds.csv", found)
    for path in write_report(plain, folder):
        print_message(str(path))


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
    help="Of A, then of B, where a file holds several; by default its first. With A alone, two "
    "of its systems.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def compare(one: Path, other: Path | None, names: tuple[str, ...], format_: str) -> None:
    """Compare two evaluations on the same folds: a paired interval and test of their UAR.

    A.json and B.json come from `voxaffect evaluate --format json` or `--report`. A file with two
    systems can stand alone.
    """
    if len(names) > 2:
        raise click.UsageError("--system names one system of A, then one of B.")
    first = read_document(one)
    if other is None:
        other, sides, chosen = one, (first, first), _two_systems(one, first, names)
    else:
        sides = first, read_document(other)
        chosen = [*names, *(next(iter(side["systems"])) for side in sides[len(names) :])]
    found = compare_documents(*sides, names=(chosen[0], chosen[1]))
    _print_comparison(found, (one, other), chosen, is_json=format_ == "json")
    if sides[0] == sides[1] and chosen[0] == chosen[1]:
        print_message(
            f"{one}: {chosen[0]} is compared with itself. Name two systems with --system, or "
            "another file."
        )


def _print_comparison(
    found: Mapping[str, Any], paths: Sequence[Path], chosen: Sequence[str], *, is_json: bool
) -> None:
    if is_json:
        print_data(json.dumps({"systems": chosen, **found}, indent=1, allow_nan=False) + "\n")
        return
    speakers = found["speakers"]
    known = "unknown speakers" if speakers is None else f"{speakers} speakers"
    print_line(f"{found['protocol']}, {found['utterances']} tested utterances, {known}")
    for path, name, key in zip(paths, chosen, ("a", "b"), strict=True):
        print_line(f"UAR {found[key]:.3f}  {name} ({path})")
    low, high = found["interval"]
    unit = "utterances" if speakers is None else "speakers"
    print_line(
        f"difference {found['difference']:+.3f}, 95 % over {unit} {low:+.3f} to "
        f"{high:+.3f}, p = {found['p']:.4f}"
    )
    if speakers is None:
        return
    least = 2 ** (1 - speakers)
    if least > _SIGNIFICANT:
        print_line(
            f"with {speakers} speakers p can hardly be under {least:g}, whatever the difference"
        )
