"""Studies: systems on the same folds, by a protocol and by one of the other kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.intervals import (
    Difference,
    Interval,
    bootstrap_difference,
    compare_uar,
)
from voxaffect.evaluation.protocols import Protocol, get_protocol
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import Condition, Matrix, evaluate_conditions
from voxaffect.evaluation.splits import write_split
from voxaffect.extraction import Failure
from voxaffect.features import index_families
from voxaffect.records.arguments import check_kind
from voxaffect.records.values import to_frame
from voxaffect.training import Dataset

if TYPE_CHECKING:
    import pandas

CLEAN = ""
SPLIT_NAME = "folds.csv"
"""Name of the file of the folds in a report."""
_PERMUTED = "permuted "


@dataclass(frozen=True, eq=False)
class System:
    """System to evaluate: an estimator on features.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Any with ``predict_proba``, unfitted.
    data : Dataset
        Features of the utterances, with the copies to train on if there are any.
    conditions : mapping of str to ndarray, shape (n, d)
        Features of the same utterances in degraded audio, by condition.
    summary : str
        One line for the report.
    """

    estimator: Any
    data: Dataset
    conditions: Mapping[str, Matrix] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True)
class FinishedModel:
    """Origin of a finished model: its file, and the corpora that its card names.

    Parameters
    ----------
    sha256 : str
        Of the model file, in hexadecimal.
    corpora : tuple of str
        Names of its training corpora; empty if the card names none.
    """

    sha256: str
    corpora: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SystemResult:
    """Evaluations of one system in a study.

    Parameters
    ----------
    summary : str
    evaluations : mapping of str to Evaluation
        By protocol.
    conditions : mapping of str to Evaluation
        By condition, with the study's protocol.
    permutations : mapping of str to Evaluation
        By feature group, with the study's protocol: its features are exchanged between the test
        utterances of a fold. The loss is the group's permutation importance.
    group_sizes : mapping of str to int
        Number of features of each group.
    model : FinishedModel, optional
        None for a recipe, and for predictions from a file.
    """

    summary: str
    evaluations: Mapping[str, Evaluation]
    conditions: Mapping[str, Evaluation]
    permutations: Mapping[str, Evaluation]
    group_sizes: Mapping[str, int]
    model: FinishedModel | None = None

    def __repr__(self) -> str:
        """Each evaluation, and the number of conditions and permuted groups, on one line."""
        parts = [repr(evaluation) for evaluation in self.evaluations.values()]
        if self.conditions:
            parts.append(f"conditions: {len(self.conditions)}")
        if self.permutations:
            parts.append(f"permuted groups: {len(self.permutations)}")
        return f"SystemResult({', '.join(parts)})"


@dataclass(frozen=True, eq=False)
class Study:
    """Systems side by side.

    Parameters
    ----------
    protocol : Protocol
    reference_protocol : str
        Protocol of the other kind, for the leakage premium; empty if there is none.
    reference_missing : str
        Reason why there is none.
    seed : int
    systems : mapping of str to SystemResult
    data : Dataset
        Of the first system.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    protocol: Protocol
    reference_protocol: str
    reference_missing: str
    seed: int
    systems: Mapping[str, SystemResult]
    data: Dataset
    failures: tuple[Failure, ...] = ()

    def __repr__(self) -> str:
        """Protocol, number of utterances, and the score of each system, on one line."""
        scores = [
            f"{name}: {result.evaluations[self.protocol.name].describe_score()}"
            for name, result in self.systems.items()
        ]
        parts = [self.protocol.name, f"{len(self.utterances):,} utterances", *scores]
        return f"Study({'; '.join(parts)})"

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """Utterances that the folds index."""
        return self.data.utterances

    def report(self, folder: str | Path, *, figure_formats: Sequence[str] = ()) -> list[Path]:
        """Write tables, figures, a web page and the folds into a folder; see `write_report`.

        The folds are ``folds.csv``, for `read_split`; a finished model and predictions without a
        protocol have none. It needs the extra ``report``.
        ``voxaffect.outputs.report.check_installed()`` checks that before a long evaluation.
        """
        from voxaffect.outputs.report import write_report

        paths = write_report(self, folder, figure_formats=figure_formats)
        if self.has_split:
            paths.append(Path(folder) / SPLIT_NAME)
            self.save_split(paths[-1])
        return paths

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the document that a report shows, and the command ``evaluate`` writes."""
        from voxaffect.outputs.report import document

        return document(self)

    def to_json(self) -> str:
        """JSON of the document, which `read_document` reads."""
        from voxaffect.outputs.report import to_json

        return to_json(self.to_dict())

    def to_frame(self) -> pandas.DataFrame:
        """Data frame with a row for every tested utterance of every system and fold."""
        from voxaffect.outputs.report import tabulate_evaluation

        return to_frame(tabulate_evaluation(self.to_dict()))

    @property
    def has_split(self) -> bool:
        """True if folds divide the utterances: finished models, for example, have none."""
        first = next(iter(self.systems.values())).evaluations[self.protocol.name]
        return any(len(result.fold.train) for result in first.folds)

    def save_split(self, path: str | Path) -> None:
        """Write the folds to a file that `read_split` reads."""
        first = next(iter(self.systems.values())).evaluations[self.protocol.name]
        write_split(path, [result.fold for result in first.folds], self.utterances)

    def compute_premium(self, system: str) -> tuple[float, Interval | None] | None:
        """UAR of the random split less that on new speakers, and its interval over speakers.

        Returns
        -------
        tuple or None
            None if the study has only one of them.
        """
        if not self.reference_protocol:
            return None
        random, new = (
            next(e for e in self.systems[system].evaluations.values() if e.protocol.new_voices is k)
            for k in (False, True)
        )
        several = min(len(set(e.speakers)) for e in (random, new)) > 1
        interval = bootstrap_difference(random.answers, new.answers) if several else None
        return random.uar - new.uar, interval

    def compare_pairs(self) -> tuple[tuple[str, str, Difference], ...]:
        """Difference of the UAR between every two systems by the study's protocol.

        Returns
        -------
        tuple of (str, str, Difference)
            Name of the first system, name of the second, and the UAR of the first less that of
            the second: a positive difference means that the first system is better. Its p-value is
            not corrected for the number of pairs. Systems without emotions are left out.
        """
        evaluations = {n: one.evaluations[self.protocol.name] for n, one in self.systems.items()}
        names = [name for name, one in evaluations.items() if one.score_kind != "dimensions"]
        pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
        return tuple((one, other, self._compare(one, other)) for one, other in pairs)

    def _compare(self, one: str, other: str) -> Difference:
        first, second = (self.systems[n].evaluations[self.protocol.name] for n in (one, other))
        return compare_evaluations(first, second)


def compare_evaluations(one: Evaluation, other: Evaluation) -> Difference:
    """UAR of the first evaluation less that of the second, on the same folds."""
    return compare_uar(one.truth, one.predicted, other.predicted, one.speakers, one.fold_numbers)


@dataclass(frozen=True, eq=False)
class PermutedGroup:
    """Exchange of some features between utterances, so that they carry no information.

    Parameters
    ----------
    columns : ndarray of int
    """

    columns: NDArray[np.intp]

    def __call__(self, matrix: Matrix, seed: int) -> Matrix:
        """Return a copy whose columns come from other rows, all from the same one."""
        order = np.random.default_rng([seed, len(matrix)]).permutation(len(matrix))
        permuted = matrix.copy()
        permuted[:, self.columns] = matrix[order][:, self.columns]
        return permuted


def evaluate_systems(
    systems: Mapping[str, System],
    *,
    protocol: str | Protocol,
    seed: int = 0,
    reference_split: bool = True,
    importance: bool = False,
    workers: int | Executor | None = None,
    allow_leaks: bool = False,
    progress: bool = False,
) -> Study:
    """Evaluate systems on the same folds, by a protocol and by one of the other kind.

    Parameters
    ----------
    systems : mapping of str to System
        All of the same utterances, in the same order.
    protocol : str or Protocol
    seed : int
        The tutorial protocol always begins with seed 0.
    reference_split : bool
        Whether to run the protocol of the other kind, too: a random split to compare with folds
        of new speakers, and the other way round.
    importance : bool
        Whether to compute the permutation importance of the feature groups, where the features
        are ours.
    workers, allow_leaks
        As for `evaluate`.
    progress : bool

    Returns
    -------
    Study

    Raises
    ------
    EvaluationError
        If the systems differ in their utterances, and as `evaluate`.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> systems = {"mine": va.System(va.make_estimator("logistic"), data)}
    >>> va.evaluate_systems(systems, protocol="loso", reference_split=False).protocol.name
    'loso'
    """
    check_kind(systems, Mapping, "systems", "a mapping of names to systems")
    for name, system in systems.items():
        check_kind(system, System, f"systems[{name!r}]", "a System")
        check_kind(system.data, Dataset, f"systems[{name!r}].data", "a Dataset")
    if not systems:
        raise EvaluationError("no system to evaluate. Name one or more.")
    first = next(iter(systems.values())).data
    for name, system in systems.items():
        if system.data.utterances != first.utterances:
            raise EvaluationError(
                f"{name}: {len(system.data.utterances)} utterances, and the first system has "
                f"{len(first.utterances)} or others. Systems are compared on the same ones."
            )
    chosen = protocol if isinstance(protocol, Protocol) else get_protocol(protocol)
    chosen = chosen.adapt_to(first.utterances)
    run = _Run(seed, workers, allow_leaks, progress)
    results = {
        name: run.measure(name, system, chosen, importance) for name, system in systems.items()
    }
    reference = chosen.reference_protocol if reference_split and first.has_emotions else ""
    missing = "" if reference else "none was asked for, or none compares with it"
    if not first.has_emotions:
        missing = "protocols are compared by the UAR of emotions, and the data have none"
    if reference:
        try:
            other = get_protocol(reference)
            results = {
                name: run.add_protocol(name, systems[name], result, other)
                for name, result in results.items()
            }
        except EvaluationError as error:
            reference, missing = "", str(error)
    return Study(chosen, reference, missing, seed, results, first)


def measure_system(
    system: System,
    protocol: Protocol,
    evaluate: Callable[[Mapping[str, Condition]], Mapping[str, Evaluation]],
    *,
    importance: bool,
) -> SystemResult:
    """Evaluate a system as it is, under its conditions, and with permuted feature groups.

    Parameters
    ----------
    system : System
    protocol : Protocol
    evaluate : callable
        From conditions to an evaluation under each.
    importance : bool
        Whether to permute feature groups, where the features are ours.
    """
    spec = system.data.spec
    groups = index_families(spec) if importance and spec is not None else {}
    if not system.data.has_emotions:
        groups = {}  # their importance is a loss of UAR
    permuted = {f"{_PERMUTED}{name}": PermutedGroup(group) for name, group in groups.items()}
    results = evaluate({CLEAN: system.data.matrix, **system.conditions, **permuted})
    return SystemResult(
        system.summary,
        {protocol.name: results[CLEAN]},
        {condition: results[condition] for condition in system.conditions},
        {group: results[f"{_PERMUTED}{group}"] for group in groups},
        {group: len(columns) for group, columns in groups.items()},
    )


@dataclass(frozen=True)
class _Run:
    """Options of a study, the same for every system and protocol."""

    seed: int
    workers: int | Executor | None
    allow_leaks: bool
    progress: bool

    def evaluate(
        self, name: str, system: System, protocol: Protocol, conditions: Mapping[str, Condition]
    ) -> dict[str, Evaluation]:
        """Evaluate one system by one protocol."""
        return evaluate_conditions(
            system.estimator,
            system.data,
            conditions,
            protocol=protocol,
            seed=0 if protocol.name == "tutorial" else self.seed,
            workers=self.workers,
            allow_leaks=self.allow_leaks,
            progress=f"{name}, {protocol.name}" if self.progress else "",
        )

    def measure(
        self, name: str, system: System, protocol: Protocol, importance: bool
    ) -> SystemResult:
        """Evaluate a system as it is, under its conditions, and with permuted feature groups."""
        evaluate = partial(self.evaluate, name, system, protocol)
        return measure_system(system, protocol, evaluate, importance=importance)

    def add_protocol(
        self, name: str, system: System, result: SystemResult, protocol: Protocol
    ) -> SystemResult:
        """Evaluate a system by another protocol, too."""
        other = self.evaluate(name, system, protocol, {CLEAN: system.data.matrix})[CLEAN]
        return replace(result, evaluations={**result.evaluations, protocol.name: other})
