"""Command ``evaluate``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from voxaffect import evaluation
from voxaffect.cli.inputs import ModelName
from voxaffect.cli.options import (
    RegistryChoice,
    check_babble,
    corpus_options,
    pair_roots,
    print_log,
)
from voxaffect.cli.outputs import (
    Writes,
    check_apart,
    check_output,
    check_result,
    choose_format,
    emit,
    finish,
)
from voxaffect.cli.own_data import convert_by
from voxaffect.cli.usage import refuse_options
from voxaffect.console import print_message, stderr_is_terminal
from voxaffect.corpora import parse_columns
from voxaffect.evaluation import PROTOCOLS, Study, get_protocol, read_split
from voxaffect.evaluation.studies import SPLIT_NAME
from voxaffect.files import check_folder, make_folder
from voxaffect.outputs.figures.export import FIGURE_FORMATS
from voxaffect.outputs.report import (
    Document,
    check_installed,
    document,
    to_csv,
    to_json,
    to_text,
    write_report,
)
from voxaffect.outputs.report.formatting import format_estimate
from voxaffect.training import RECIPES, choose_recipe
from voxaffect.training.augmentation.conditions import CONDITIONS

_ALL = "all"
_TRAINING = (
    "recipes",
    "features",
    "encoder",
    "augment",
    "babble",
    "reference_split",
)
"""Options that have no effect on a finished model or on predictions."""
_SPLITTING = ("protocol", "split", "save_split")
"""Options that have no effect on a finished model."""
_COMPUTING = ("conditions", "importance", "workers", "cached", "max_seconds")
"""Options that have no effect on predictions, which are only read."""
_OF_FOLDS = ("save_split", "seed", "allow_leaks")
"""Options that have an effect on predictions only with a protocol."""
_OF_PREDICTIONS = ("prediction_columns", "allow_missing")
"""Options that have an effect on predictions only."""
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv"}


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@corpus_options
@click.option(
    "--model",
    "models",
    multiple=True,
    type=ModelName(),
    metavar="NAME | FILE",
    help="Test this finished model, not a recipe: nothing is trained. accurate and fast are the "
    "bundled models. Repeat the option to compare models.",
)
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE | DIR",
    help="Test the predictions in this table (CSV, TSV, JSON, JSON Lines or Parquet), or in the "
    "folder that predict --dataset writes, of any system: a path and an emotion, or a probability "
    "for each emotion (p_angry, …), or dimensions (arousal, …), in each row. Nothing is trained. "
    "All recordings are one fold; with --protocol or --split, its folds are scored. Repeat the "
    "option to compare systems.",
)
@click.option(
    "--prediction-columns",
    callback=convert_by(parse_columns),
    metavar="A=B,…",
    help="With --predictions: the table's name for path, emotion, start, end, fold or system, such "
    "as path=file,emotion=answer.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="With --predictions: leave out recordings without a prediction. By default, they stop "
    "the evaluation.",
)
@click.option(
    "--protocol",
    type=click.Choice(list(PROTOCOLS)),
    help="See above.  [default: speakers; with --predictions, all recordings are one fold]",
)
@click.option(
    "--split",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read the folds from this file: a CSV with the columns fold, role, recording. "
    "It replaces --protocol.",
)
@click.option(
    "--save-split",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the folds to this file, for --split.",
)
@click.option(
    "--recipe",
    "recipes",
    type=RegistryChoice(RECIPES),
    multiple=True,
    help="Repeat the option to compare recipes.  [default: logistic; with classic features: mlp; "
    "with the tutorial protocol: tutorial and mlp]",
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
    "--reference-split/--no-reference-split",
    default=True,
    show_default=True,
    help="Also run a random (or speaker-independent) split for comparison.",
)
@click.option(
    "--importance/--no-importance",
    default=None,
    help="Compute the permutation importance of the feature groups.  [default: with --report]",
)
@click.option(
    "--allow-leaks",
    is_flag=True,
    help="Continue even if a fold has a speaker or a recording in both training and test, or a "
    "model was trained on the corpus.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a report to this folder: JSON, LaTeX tables, Markdown, a web page and the folds. "
    "Needs the extra report.",
)
@click.option(
    "--figure-format",
    "figure_formats",
    type=click.Choice(FIGURE_FORMATS),
    multiple=True,
    help="With --report: write the figures in this format, too, not only as SVG. Repeatable.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv"]),
    help="text: a summary. json: all results. csv: one row for each tested utterance.  "
    "[default: from the ending of --output, otherwise text]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the result to this file (.txt, .json or .csv), not to standard output.",
)
def evaluate(
    corpora: tuple[str, ...],
    roots: tuple[Path, ...],
    models: tuple[str | Path, ...],
    predictions: tuple[Path, ...],
    protocol: str | None,
    split: Path | None,
    save_split: Path | None,
    recipes: tuple[str, ...],
    conditions: tuple[str, ...],
    importance: bool | None,
    folder: Path | None,
    figure_formats: tuple[str, ...],
    format_: str | None,
    output: Path | None,
    **options: Any,
) -> None:
    """Evaluate recipes, finished models (--model) or predictions (--predictions) on corpora.

    By default, the score on new speakers and the score of a random split are reported together.

    \b
    Protocols:
      tutorial            random 25 % for the test, 20 seeds, four emotions
      random              random 25 % for the test, 6 seeds, all emotions
      speakers            six folds of new speakers
      loso                one speaker left out at a time
      emobox              EmoBox's folds of one corpus
      sentences           one sentence left out at a time
      sentences-speakers  one sentence and some speakers left out
      cross               train on the first corpus, test on the others
      corpora             one corpus left out at a time
    """  # noqa: D301
    _check_options(
        has_models=bool(models),
        has_predictions=bool(predictions),
        has_folds=bool(protocol or split),
    )
    form = choose_format(output, format_, _ENDINGS)
    sources = [*roots, *predictions, split]
    check_result(output, sources=sources)
    check_output(save_split, sources=sources)
    check_apart(output, save_split)
    if figure_formats and folder is None:
        raise click.UsageError("--figure-format goes with --report.")
    if folder is not None:
        check_folder(folder)
        check_installed()  # reports what is missing before the work
    for name in recipes or (None,):
        check_babble(
            options["babble"], choose_recipe(name, options["features"]), augment=options["augment"]
        )
    with print_log():
        study = evaluation.evaluate(
            pair_roots(corpora, roots),
            recipes,
            model=models or None,
            predictions=predictions or None,
            protocol=read_split(split) if split else protocol and get_protocol(protocol),
            conditions=CONDITIONS if _ALL in conditions else conditions,
            importance=folder is not None if importance is None else importance,
            progress=stderr_is_terminal(),
            **options,
        )
    writes = Writes()
    plain = document(
        study, command=shlex.join(["voxaffect", *sys.argv[1:]]), embedded=folder is not None
    )
    _emit(plain, form, output, writes)
    if save_split:
        with writes.attempt():
            study.save_split(save_split)
    if folder is not None:
        _report(study, plain, folder, figure_formats, writes)
    finish(() if predictions else study.failures, len(study.utterances))
    writes.finish()


def _check_options(*, has_models: bool, has_predictions: bool, has_folds: bool) -> None:
    """Refuse options that have no effect on what is tested."""
    if has_models and has_predictions:
        raise click.UsageError(
            "--model and --predictions: one of them. 'voxaffect compare A.json B.json' compares "
            "the results of both."
        )
    if has_predictions:
        message = "{} has no effect with --predictions, which computes nothing. Leave it out."
        refuse_options((*_TRAINING, *_COMPUTING), message)
        if not has_folds:
            refuse_options(
                _OF_FOLDS, "{} has an effect on --predictions only with --protocol or --split."
            )
    else:
        refuse_options(_OF_PREDICTIONS, "{} goes with --predictions FILE.")
    if has_models:
        message = "{} is for training, and --model tests a finished model. Leave one of them out."
        refuse_options((*_TRAINING, *_SPLITTING), message)


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
        for name, system in plain["systems"].items():
            uar = system["evaluations"][plain["protocol"]]["metrics"]["uar"]
            score = f"UAR {format_estimate(uar)}"
            if uar["mean"] is None:
                score = "no scores of emotions"
            print_message(f"{score} ({name}, {plain['protocol']}): {output}")


def _report(
    study: Study, plain: Document, folder: Path, figure_formats: Sequence[str], writes: Writes
) -> None:
    """Write the report; its split first, which is small, if the study has folds."""
    if study.has_split:
        with writes.attempt():
            make_folder(folder)
            study.save_split(folder / SPLIT_NAME)
    with writes.attempt():
        for path in write_report(plain, folder, figure_formats=figure_formats):
            print_message(str(path))
