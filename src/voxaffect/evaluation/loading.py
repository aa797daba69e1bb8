"""Data of systems under test: the recordings as they are, and in degraded audio."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.studies import CLEAN
from voxaffect.extraction import Failure, Transform
from voxaffect.records.arguments import check_list, is_known
from voxaffect.training import Dataset
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.conditions import (
    CONDITIONS,
    condition_transform,
    needs_babble,
)

Load = Callable[[Transform | None], Dataset]
"""From what is done to every recording first to their dataset."""


def check_conditions(conditions: Sequence[str]) -> list[str]:
    """Names of conditions.

    Raises
    ------
    EvaluationError
        If there is none of a name.
    """
    names: list[str] = check_list(conditions, "conditions", "names of conditions")
    for name in names:
        if not is_known(name, CONDITIONS):
            raise EvaluationError(
                f"no condition named {name!r}; there are: {'; '.join(CONDITIONS)}."
            )
    return names


def load_conditions(
    load: Load, conditions: Sequence[str], *, rate_hz: int | None
) -> dict[str, Dataset]:
    """Datasets of the same recordings: as they are, under the name ``CLEAN``, and by condition.

    Parameters
    ----------
    load : callable
        Loads the dataset of the recordings after a transform, or after none.
    conditions : sequence of str
    rate_hz : int, optional
        Sampling rate of the features.
    """
    clean = load(None)
    is_needed = any(map(needs_babble, conditions))
    babble = BabbleSource.from_utterances(clean.utterances) if is_needed else None
    degraded = {
        name: load(condition_transform(name, rate_hz=rate_hz, babble=babble)) for name in conditions
    }
    return {CLEAN: clean, **degraded}


def find_common(datasets: Iterable[Dataset]) -> set[Utterance]:
    """Utterances that all datasets hold."""
    return set.intersection(*(set(data.utterances) for data in datasets))


def list_failures(datasets: Collection[Dataset]) -> tuple[Failure, ...]:
    """Recordings, or parts of them, that could not be used, each once, whatever was done to it."""
    failures = {(f.path, f.reason): f for data in datasets for f in reversed(data.failures)}
    return tuple(failures[key] for key in sorted(failures))
