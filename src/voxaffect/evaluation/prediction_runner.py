"""Evaluation of predictions that any system wrote to a table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from voxaffect.corpora import ReadOptions, Utterance
from voxaffect.corpora.labels import check_labels
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.model_runner import make_single_fold, select_known
from voxaffect.evaluation.prediction_joining import UtteranceIndex
from voxaffect.evaluation.predictions import Predictions, read_predictions
from voxaffect.evaluation.protocols import Protocol
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import score_fold
from voxaffect.evaluation.studies import Study, SystemResult
from voxaffect.extraction import Failure
from voxaffect.files import escape_control, list_names
from voxaffect.records.arguments import check_list
from voxaffect.training import Corpora, Dataset, read_utterances, select_emotions

PROTOCOL = Protocol(
    "predictions",
    "predictions that were read from a file; nothing is known of what their system was trained on",
    make_single_fold,
    new_voices=None,
    reference_protocol="",
    is_open=True,
)
_UNKNOWN = "the predictions come from a file, and nothing is known of the training of their system"
_SHOWN = 20
Files = str | Path | Sequence[str | Path]
_log = logging.getLogger("voxaffect")


def evaluate_predictions(
    corpora: Corpora,
    predictions: Files,
    *,
    options: ReadOptions,
    prediction_columns: Mapping[str, str] | None = None,
    allow_missing: bool = False,
    emotions: Sequence[str] | str | None = None,
) -> Study:
    """Evaluate predictions that any system wrote to a file, on labeled recordings.

    Parameters
    ----------
    corpora : str, sequence of str, or mapping of str to path
        As for `load_dataset`.
    predictions : str or Path, or sequence of them
        Files of the systems.
    options : ReadOptions
        Its labels also apply to the words of the files.
    prediction_columns, allow_missing, emotions
        As for `evaluate`.

    Returns
    -------
    Study
        Of the protocol ``predictions``, with a single fold. Without probabilities, it has no
        calibration.

    Raises
    ------
    CorpusError, TrainingError, EvaluationError
        If a corpus or a table cannot be read, a recording has no prediction or several, or a row
        has an unknown emotion or probabilities that do not sum to 1.
    """
    labels = options.labels
    roots, utterances, notes = read_utterances(corpora, options)
    for note in notes:
        _log.info("%s", note)
    chosen = select_emotions(utterances, None if emotions in ("all", ["all"]) else emotions)
    check_labels((utterance.emotion for utterance in chosen), labels)
    read = partial(read_predictions, labels=labels, columns=prediction_columns)
    systems: dict[str, Predictions] = {}
    for path in _list_paths(predictions):
        index = UtteranceIndex(utterances, [*_list_folders(roots.values()), path.parent])
        system = read(path, index)
        if system.name in systems:
            raise EvaluationError(f"two files are called {system.name!r}. Rename one of them.")
        systems[system.name] = system
    tested, unknown = _select_known(chosen, systems.values())
    rest = tuple(one for one in tested if all(one in s.answers for s in systems.values()))
    failures = _list_missing(tested, systems.values(), is_allowed=allow_missing)
    if not rest:
        raise EvaluationError("no recording of the data has a prediction of every system.")
    data = Dataset(rest, np.empty((len(rest), 0), np.float32), failures=failures, notes=notes)
    results = {key: _evaluate(one, data, unknown) for key, one in systems.items()}
    return Study(PROTOCOL, "", _UNKNOWN, 0, results, data, failures)


def _list_paths(predictions: Files) -> list[Path]:
    if isinstance(predictions, str | PathLike):
        return [Path(predictions)]
    paths = [Path(one) for one in check_list(predictions, "predictions", "paths of tables")]
    if not paths:
        raise EvaluationError("no predictions to evaluate. Name one file or more.")
    return paths


def _list_folders(roots: Collection[Path]) -> list[Path]:
    """Folders of the corpora; that of a table is the one that it is in."""
    return [root if root.is_dir() else root.parent for root in roots]


def _select_known(
    utterances: Sequence[Utterance], systems: Collection[Predictions]
) -> tuple[tuple[Utterance, ...], Mapping[str, int]]:
    """Utterances whose emotion all systems know that state what they know; as for models."""
    known = [system.emotions for system in systems if system.emotions]
    if not known:
        return tuple(utterances), {}
    kept, unknown = select_known(utterances, known, "system")
    return tuple(one for one in utterances if one in kept), unknown


def _list_missing(
    utterances: Sequence[Utterance], systems: Collection[Predictions], *, is_allowed: bool
) -> tuple[Failure, ...]:
    """Utterances without a prediction of some system; refused unless they may be left out."""
    failures = []
    for system in systems:
        paths = [one.path for one in utterances if one not in system.answers]
        names = [escape_control(str(path)) for path in paths]
        count = f"{len(paths):,} of {len(utterances):,} recordings"
        if paths and not is_allowed:
            raise EvaluationError(
                f"{system.name}: no prediction for {count}: {list_names(names, _SHOWN)}. Add them, "
                "or leave them out with --allow-missing (in Python allow_missing=True)."
            )
        if paths:
            _log.info("%s: %s left out, they have no prediction", system.name, count)
        failures += [
            Failure(path, f"{name}: no prediction in {system.name}")
            for path, name in zip(paths, names, strict=True)
        ]
    return tuple(failures)


def _evaluate(system: Predictions, data: Dataset, unknown: Mapping[str, int]) -> SystemResult:
    truth = np.array(data.emotions)
    answers = {system.answers[utterance] for utterance in data.utterances}
    emotions = system.emotions or tuple(sorted(answers | set(truth.tolist())))
    chance = 1 / len(emotions)
    (fold,) = PROTOCOL.split(data.utterances, 0)
    matrix = system.make_matrix(data.utterances, emotions)
    evaluation = Evaluation(
        PROTOCOL,
        emotions,
        (score_fold(fold, matrix, truth, emotions),),
        data.utterances,
        None,
        {"chance": {"uar": chance, "accuracy": chance}},
        score_kind="probabilities" if system.emotions else "answers",
        unknown=unknown,
    )
    summary = f"predictions of the file {escape_control(system.name)}"
    return SystemResult(summary, {PROTOCOL.name: evaluation}, {}, {}, {})
