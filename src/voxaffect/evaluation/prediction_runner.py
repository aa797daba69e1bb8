"""Evaluation of predictions that any system wrote to a table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from voxaffect.corpora import ReadOptions, Utterance
from voxaffect.corpora.labels import check_labels
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.leaks import LeakCheck, check_leaks
from voxaffect.evaluation.metrics.categorical import describe_chance
from voxaffect.evaluation.model_runner import make_single_fold, select_known
from voxaffect.evaluation.prediction_folds import FoldTests
from voxaffect.evaluation.prediction_joining import UtteranceIndex
from voxaffect.evaluation.predictions import Key, Predictions, read_predictions
from voxaffect.evaluation.protocols import Fold, Protocol, get_protocol
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import average_baselines, score_fold
from voxaffect.evaluation.studies import Study, SystemResult
from voxaffect.extraction import Failure
from voxaffect.files import escape_control, list_names
from voxaffect.records.arguments import check_list
from voxaffect.training import Corpora, Dataset, read_utterances, select_emotions
from voxaffect.training.dataset import check_alike

PROTOCOL = Protocol(
    "predictions",
    "predictions that were read from a file; nothing is known of what their system was trained on",
    make_single_fold,
    new_voices=None,
    reference_protocol="",
    is_open=True,
)
_UNKNOWN = "the predictions come from a file, and nothing is known of the training of their system"
_UNCHECKED = "the data that the system was trained on: it may know these speakers and recordings"
_UNCHECKED_FOLDS = (
    "the training of the system: that each prediction comes from a model that was trained on the "
    "training side of its fold alone, and that no setting was chosen on a test side"
)
_UNNAMED_FOLDS = "the model that gave each prediction: the rows name no fold"
_SAME = (
    "the answers, which equal the label of every tested recording: the file may hold the labels "
    "({})"
)
_SHOWN = 20
Files = str | Path | Sequence[str | Path]
_log = logging.getLogger("voxaffect")


def evaluate_predictions(
    corpora: Corpora,
    predictions: Files,
    *,
    options: ReadOptions,
    protocol: str | Protocol | None = None,
    prediction_columns: Mapping[str, str] | None = None,
    allow_missing: bool = False,
    allow_leaks: bool = False,
    emotions: Sequence[str] | str | None = None,
    seed: int = 0,
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
    protocol : str or Protocol, optional
        Its folds are scored as for a recipe, and searched for leaks. By default all recordings
        are one fold.
    prediction_columns, allow_missing, allow_leaks, emotions, seed
        As for `evaluate`.

    Returns
    -------
    Study
        By default of the protocol ``predictions``, with a single fold. Without probabilities, it
        has no calibration.

    Raises
    ------
    CorpusError, TrainingError, EvaluationError
        If a corpus or a table cannot be read, a recording has no prediction or several, or a row
        has an unknown emotion, a fold that does not test its recording, or probabilities that do
        not sum to 1.
    LeakError
        If something is on both sides of a fold that the protocol does not allow to be there.
    """
    labels = options.labels
    roots, utterances, notes = read_utterances(corpora, options)
    for note in notes:
        _log.info("%s", note)
    by = get_protocol(protocol) if isinstance(protocol, str) else protocol or PROTOCOL
    kept = by.emotions if emotions is None else None if emotions in ("all", ["all"]) else emotions
    chosen = select_emotions(utterances, kept)
    check_alike(chosen)
    check_labels((utterance.emotion for utterance in chosen if utterance.emotion), labels)
    by = by.adapt_to(chosen)
    folds = by.split(chosen, 0 if by.name == "tutorial" else seed)
    check = None if protocol is None else check_leaks(chosen, folds, by)
    if check and not allow_leaks:
        check.raise_if_unexpected()
    tests = FoldTests(by, folds, chosen, are_named=protocol is not None)
    read = partial(read_predictions, tests=tests, labels=labels, columns=prediction_columns)
    systems: dict[str, Predictions] = {}
    for path in _list_paths(predictions):
        index = UtteranceIndex(utterances, [*_list_folders(roots.values()), path.parent])
        for system in read(path, index):
            if system.name in systems:
                raise EvaluationError(f"two files are called {system.name!r}. Rename one of them.")
            systems[system.name] = system
    keys, unknown = _select_known(tests.keys, systems.values())
    failures = _list_missing(keys, systems.values(), is_allowed=allow_missing)
    rest = {key for key in keys if all(key in one.answers for one in systems.values())}
    if not rest:
        raise EvaluationError("no recording of the data has a prediction of every system.")
    tested = {utterance for _, utterance in rest}
    used = tuple(one for one in chosen if protocol is not None or one in tested)
    data = Dataset(used, np.empty((len(used), 0), np.float32), failures=failures, notes=notes)
    run = _Run(by, _limit_folds(folds, chosen, rest, used), data, check, unknown)
    results = {key: run.evaluate(one) for key, one in systems.items()}
    return Study(by, "", _UNKNOWN, seed, results, data, failures)


def _limit_folds(
    folds: Sequence[Fold],
    utterances: Sequence[Utterance],
    tested: Collection[Key],
    used: Sequence[Utterance],
) -> tuple[Fold, ...]:
    """Folds that test what has predictions, and index the utterances that are used."""
    indices = {utterance: index for index, utterance in enumerate(used)}
    limited = []
    for fold in folds:
        train = [indices[utterances[index]] for index in fold.train]
        members = [utterances[index] for index in fold.test]
        test = [indices[one] for one in members if (fold.name, one) in tested]
        if not test:
            raise EvaluationError(
                f"{fold.name}: none of its {len(members):,} recordings has a prediction of every "
                "system. Add them, or name a protocol with the folds that were predicted."
            )
        sides = np.array(train, dtype=np.intp), np.array(test, dtype=np.intp)
        limited.append(replace(fold, train=sides[0], test=sides[1]))
    return tuple(limited)


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
    keys: Sequence[Key], systems: Collection[Predictions]
) -> tuple[tuple[Key, ...], Mapping[str, int]]:
    """Tests of emotions that all systems know that state what they know; as for models."""
    known = [system.emotions for system in systems if system.emotions]
    if not known or not any(utterance.emotion for _, utterance in keys):
        return tuple(keys), {}
    kept, unknown = select_known({utterance for _, utterance in keys}, known, "system")
    return tuple(key for key in keys if key[1] in kept), unknown


def _list_missing(
    keys: Sequence[Key], systems: Collection[Predictions], *, is_allowed: bool
) -> tuple[Failure, ...]:
    """Recordings without a prediction of some system; refused unless they may be left out."""
    failures: dict[tuple[Path, str], Failure] = {}
    total = len({utterance for _, utterance in keys})
    for system in systems:
        missing = dict.fromkeys(one for fold, one in keys if (fold, one) not in system.answers)
        names = [escape_control(str(one.path)) for one in missing]
        count = f"{len(names):,} of {total:,} recordings"
        if names and not is_allowed:
            raise EvaluationError(
                f"{system.name}: no prediction for {count}: {list_names(names, _SHOWN)}. Add them, "
                "or leave them out with --allow-missing (in Python allow_missing=True)."
            )
        if names:
            _log.info("%s: %s left out, they have no prediction", system.name, count)
        for one, name in zip(missing, names, strict=True):
            reason = f"{name}: no prediction in {system.name}"
            failures.setdefault((one.path, reason), Failure(one.path, reason))
    return tuple(failures.values())


@dataclass(frozen=True, eq=False)
class _Run:
    """Folds and data, the same for every system.

    Parameters
    ----------
    protocol : Protocol
    folds : tuple of Fold
        That index the data.
    data : Dataset
    check : LeakCheck or None
    unknown : mapping of str to int
        Emotions that were left out, and their recordings.
    """

    protocol: Protocol
    folds: tuple[Fold, ...]
    data: Dataset
    check: LeakCheck | None
    unknown: Mapping[str, int]

    def evaluate(self, system: Predictions) -> SystemResult:
        """Score a system as a recipe is scored that gave these probabilities."""
        truth, utterances = np.array(self.data.emotions), self.data.utterances
        answers = system.answers.values() if system.gives_emotions else ()
        emotions = system.emotions or tuple(sorted({*answers, *truth.tolist()}))
        if not self.data.has_emotions:
            emotions = ()
        by_fold = [[(fold.name, utterances[n]) for n in fold.test] for fold in self.folds]
        tested = tuple(utterance for keys in by_fold for _, utterance in keys)
        is_open = bool(set(emotions) - {one.emotion for one in tested})
        protocol = replace(self.protocol, is_open=self.protocol.is_open or is_open)
        evaluation = Evaluation(
            protocol,
            emotions,
            tuple(
                score_fold(
                    fold,
                    system.make_matrix(keys, emotions) if emotions else np.empty((len(keys), 0)),
                    truth,
                    emotions,
                    system.make_dimensions(keys),
                )
                for fold, keys in zip(self.folds, by_fold, strict=True)
            ),
            tested,
            self.check,
            self._compute_baselines(emotions),
            score_kind=system.kind if emotions else "dimensions",
            unknown=self.unknown,
            unchecked=self._list_unchecked(system, by_fold),
        )
        if not system.gives_emotions and not evaluation.dimension_scores:
            raise EvaluationError(
                f"{system.name}: it gives dimensions only, and no tested recording has a rating of "
                "one of them. Evaluate on data with the columns arousal, valence or dominance."
            )
        if not emotions and not evaluation.dimension_scores:
            raise EvaluationError(
                f"{system.name}: it gives no dimension that the data rate, and the data have no "
                "emotions. Evaluate on data with the column emotion."
            )
        summary = f"predictions of the file {escape_control(system.name)}: {system.source}"
        return SystemResult(summary, {protocol.name: evaluation}, {}, {}, {})

    def _compute_baselines(
        self, emotions: Sequence[str]
    ) -> Mapping[str, Mapping[str, float | str]]:
        if not emotions or any(len(fold.train) == 0 for fold in self.folds):
            return describe_chance(emotions)
        return average_baselines(self.folds, np.array(self.data.emotions))

    def _list_unchecked(
        self, system: Predictions, by_fold: Sequence[Sequence[Key]]
    ) -> tuple[str, ...]:
        keys = [key for keys in by_fold for key in keys]
        is_perfect = system.gives_emotions and all(
            system.answers[key] == key[1].emotion for key in keys
        )
        same = (_SAME.format(system.source),) if is_perfect else ()
        for note in same:
            _log.warning("not checked of %s: %s", escape_control(system.name), note)
        if self.check is None:
            return (_UNCHECKED, *same)
        return (_UNCHECKED_FOLDS, *(() if system.names_folds else (_UNNAMED_FOLDS,)), *same)
