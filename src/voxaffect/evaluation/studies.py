"""A study: one or more systems, by a protocol and by one of the other kind, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.intervals import (
    Difference,
    Interval,
    apart_interval,
    uar_difference,
)
from voxaffect.evaluation.metrics.categorical import uar
from voxaffect.evaluation.protocols import Protocol, protocol_named
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import Condition, Matrix, evaluate_conditions
from voxaffect.evaluation.splits import write_split
from voxaffect.extraction import Failure
from voxaffect.features import index_families
from voxaffect.records.arguments import check_kind
from voxaffect.training import Dataset

CLEAN = ""
_STEM = "without "


@dataclass(frozen=True, eq=False)
class System:
    """What is evaluated: an estimator on features.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Any with ``predict_proba``, unfitted.
    data : Dataset
        Features of the utterances, with the copies to train on if there are any.
    altered : mapping of str to ndarray, shape (n, d)
        Features of the same utterances under conditions to withstand, by condition.
    summary : str
        One line for the report.
    """

    estimator: Any
    data: Dataset
    altered: Mapping[str, Matrix] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """What a study found of one system.

    Parameters
    ----------
    summary : str
    evaluations : mapping of str to Evaluation
        By protocol.
    altered : mapping of str to Evaluation
        By the study's protocol, under each condition.
    shuffled : mapping of str to Evaluation
        By the study's protocol, with one family of features exchanged between the test
        utterances of a fold: what is lost is what the family carries.
    families : mapping of str to int
        Number of features of each family.
    """

    summary: str
    evaluations: Mapping[str, Evaluation]
    altered: Mapping[str, Evaluation]
    shuffled: Mapping[str, Evaluation]
    families: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Study:
    """Systems side by side.

    Parameters
    ----------
    protocol : Protocol
    beside : str
        Protocol of the other kind, for the leakage premium; empty if there is none.
    missing : str
        Why there is none.
    seed : int
    systems : mapping of str to Found
    data : Dataset
        Of the first system.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    protocol: Protocol
    beside: str
    missing: str
    seed: int
    systems: Mapping[str, Found]
    data: Dataset
    failures: tuple[Failure, ...] = ()

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """What the folds of every evaluation count."""
        return self.data.utterances

    def report(self, folder: str | Path) -> list[Path]:
        """Write tables, figures and a web page into a folder; see `write_report`."""
        from voxaffect.outputs.report import write_report

        return write_report(self, folder)

    def save_split(self, path: str | Path) -> None:
        """Write the folds to a file that `read_split` reads."""
        first = next(iter(self.systems.values())).evaluations[self.protocol.name]
        write_split(path, [result.fold for result in first.folds], self.utterances)

    def premium(self, system: str) -> tuple[float, Interval | None] | None:
        """UAR that the random split claims beyond new voices, and its interval over speakers.

        Returns
        -------
        tuple or None
            None if the study has not both.
        """
        if not self.beside:
            return None
        heard, new = (
            next(e for e in self.systems[system].evaluations.values() if e.protocol.new_voices is k)
            for k in (False, True)
        )
        sides = [(e.truth, e.predicted, e.speakers) for e in (heard, new)]
        found = uar(heard.truth, heard.predicted) - uar(new.truth, new.predicted)
        several = min(len(set(e.speakers)) for e in (heard, new)) > 1
        return found, apart_interval(sides[0], sides[1]) if several else None

    def paired(self) -> tuple[tuple[str, str, Difference], ...]:
        """Difference of the UAR between every two systems by the study's protocol."""
        names = list(self.systems)
        pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
        return tuple((one, other, self._difference(one, other)) for one, other in pairs)

    def _difference(self, one: str, other: str) -> Difference:
        first, second = (self.systems[n].evaluations[self.protocol.name] for n in (one, other))
        return uar_difference(first.truth, first.predicted, second.predicted, first.speakers)


@dataclass(frozen=True, eq=False)
class Shuffled:
    """Exchange some features between utterances, so that they tell nothing of their own.

    Parameters
    ----------
    columns : ndarray of int
    """

    columns: NDArray[np.intp]

    def __call__(self, matrix: Matrix, seed: int) -> Matrix:
        """Return a copy whose columns come from other rows, all from the same one."""
        order = np.random.default_rng([seed, len(matrix)]).permutation(len(matrix))
        shuffled = matrix.copy()
        shuffled[:, self.columns] = matrix[order][:, self.columns]
        return shuffled


def evaluate_systems(
    systems: Mapping[str, System],
    *,
    protocol: str | Protocol,
    seed: int = 0,
    beside: bool = True,
    insight: bool = False,
    workers: int | None = None,
    allow_leaks: bool = False,
    progress: bool = False,
) -> Study:
    """Evaluate systems on the same folds, by a protocol and by one of the other kind beside it.

    Parameters
    ----------
    systems : mapping of str to System
        All of the same utterances, in the same order.
    protocol : str or Protocol
        A random split gets folds of new voices beside it, and the other way round.
    seed : int
        The tutorial protocol always begins with seed 0.
    beside : bool
        Whether to run the protocol of the other kind.
    insight : bool
        Whether to find out which families of features carry the decisions, where the features
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
    >>> systems = {"mine": va.System(va.make_estimator("mlp"), data)}
    >>> va.evaluate_systems(systems, protocol="loso").protocol.name
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
    chosen = protocol if isinstance(protocol, Protocol) else protocol_named(protocol)
    how = _How(seed, workers, allow_leaks, progress)
    found = {name: _measured(name, one, chosen, how, insight) for name, one in systems.items()}
    missing = "" if beside and chosen.beside else "none was asked for, or none compares with it"
    if not missing:
        try:
            other = protocol_named(chosen.beside)
            found = {
                name: replace(
                    one,
                    evaluations={
                        **one.evaluations,
                        other.name: how.run(
                            name, systems[name], other, {CLEAN: systems[name].data.matrix}
                        )[CLEAN],
                    },
                )
                for name, one in found.items()
            }
        except EvaluationError as error:
            missing = str(error)
    return Study(chosen, "" if missing else chosen.beside, missing, seed, found, first)


@dataclass(frozen=True)
class _How:
    """How a study runs, the same for every system and protocol."""

    seed: int
    workers: int | None
    allow_leaks: bool
    progress: bool

    def run(
        self, name: str, system: System, by: Protocol, conditions: Mapping[str, Condition]
    ) -> dict[str, Evaluation]:
        """Evaluate one system by one protocol."""
        return evaluate_conditions(
            system.estimator,
            system.data,
            conditions,
            protocol=by,
            seed=0 if by.name == "tutorial" else self.seed,
            workers=self.workers,
            allow_leaks=self.allow_leaks,
            progress=f"{name}, {by.name}" if self.progress else "",
        )


def _measured(name: str, system: System, by: Protocol, how: _How, insight: bool) -> Found:
    """One system by the study's protocol: as it is, altered, and with families shuffled."""
    spec = system.data.spec
    members = index_families(spec) if insight and spec is not None else {}
    groups = {f"{_STEM}{key}": Shuffled(columns) for key, columns in members.items()}
    main = how.run(name, system, by, {CLEAN: system.data.matrix, **system.altered, **groups})
    return Found(
        system.summary,
        {by.name: main[CLEAN]},
        {key: main[key] for key in system.altered},
        {key.removeprefix(_STEM): main[key] for key in groups},
        {key: len(columns) for key, columns in members.items()},
    )
