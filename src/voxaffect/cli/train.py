"""Command ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voxaffect import evaluation
from voxaffect.cli.options import (
    RegistryChoice,
    Share,
    check_babble,
    corpus_options,
    pair_roots,
    print_log,
)
from voxaffect.cli.outputs import check_output, finish
from voxaffect.console import print_note, stderr_is_terminal
from voxaffect.evaluation import Evaluation, HoldoutResult, TrainingResult
from voxaffect.training import RECIPES, choose_recipe


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@corpus_options
@click.option(
    "--recipe",
    type=RegistryChoice(RECIPES),
    help="[default: logistic; with classic features: mlp]",
)
@click.option(
    "--test-size",
    type=Share(max_open=True),
    default=0.25,
    show_default=True,
    help="Share of the data held out for the test; 0 means no test.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("model.onnx"),
    show_default=True,
)
def train(
    corpora: tuple[str, ...],
    roots: tuple[Path, ...],
    recipe: str | None,
    test_size: float,
    output: Path,
    **options: Any,
) -> None:
    """Train a model on one or more corpora and write it to a file.

    Accuracy is measured twice: on a random share of the utterances, as in the tutorial, and on
    speakers that are held out. The model that is written is then trained on all utterances.

    A csv table may have soft labels (p_angry, p_sad, ...: the shares of raters) instead of
    emotions, and arousal, valence and dominance from 0 to 1, which the model then gives, too. With
    these alone, it gives no emotion.
    """
    check_output(output, sources=roots)
    chosen = choose_recipe(recipe, options["features"])
    check_babble(options["babble"], chosen, augment=options["augment"])
    with print_log():
        result = evaluation.train(
            pair_roots(corpora, roots),
            chosen,
            test_size=test_size,
            output=output,
            progress=stderr_is_terminal(),
            **options,
        )
    _print_scores(result, test_size)
    used, failed = len(result.data.matrix), len(result.data.failures)
    share = f"{used} of {used + failed}" if failed else f"all {used}"
    print_note(f"Model trained on {share} utterances: {output}")
    finish(result.data.failures, used)


def _print_scores(result: TrainingResult, test_size: float) -> None:
    """Print the tutorial's figures, then those on new speakers."""
    if not result.model.emotions and test_size:
        _print_regression(result)
    if result.holdout is None:
        return
    _print_holdout(result.holdout, test_size)
    if result.new_speakers is None:
        print_note(f"Accuracy on new speakers: unknown, {result.unmeasured}")
        return
    accuracy = result.new_speakers.summary["accuracy"]
    print_note(
        f"Accuracy on new speakers: {accuracy['mean']:.2%} ± {accuracy['sd']:.2%} "
        f"over {len(result.new_speakers.folds)} folds"
    )
    _print_ratings(result.new_speakers)


def _print_regression(result: TrainingResult) -> None:
    """Print the scores of a model of dimensions alone."""
    if result.new_speakers is None:
        print_note(f"CCC on new speakers: unknown, {result.unmeasured}")
    else:
        _print_ratings(result.new_speakers)


def _print_ratings(evaluation: Evaluation) -> None:
    """Print the scores against soft labels and those of dimensions."""
    if (soft := evaluation.soft_scores) is not None:
        print_note(
            f"Soft labels of new speakers: divergence {soft.divergence:.3f}, "
            f"cross-entropy {soft.cross_entropy:.3f}"
        )
    for name, one in evaluation.dimension_scores.items():
        ccc = "not defined" if one.ccc is None else f"{one.ccc:.3f}"
        print_note(
            f"{name.capitalize()} of new speakers: CCC {ccc}, "
            f"mean absolute error {one.absolute_error:.3f}"
        )


def _print_holdout(holdout: HoldoutResult, test_size: float) -> None:
    print_note(f"{holdout.train_shape} {holdout.test_shape}")
    print_note(f"Features extracted: {holdout.train_shape[1]}")
    if holdout.known_share is None:
        voices = "of unknown speakers"
    elif holdout.known_share == 1:
        voices = "of voices heard in training"
    else:
        voices = f"{holdout.known_share:.0%} of it voices heard in training"
    print_note(f"Accuracy: {holdout.scores.accuracy:.2%} on a random {test_size:.0%}, {voices}")
