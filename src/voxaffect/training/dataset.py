"""A corpus with its features: what every training and evaluation starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import read
from voxaffect.corpora import CORPORA, Utterance, root_of, utterances
from voxaffect.errors import AudioError, TrainingError
from voxaffect.extraction import Failure, FeatureCache, extract
from voxaffect.features import FeatureSpec, at_rate


@dataclass(frozen=True, eq=False)
class Dataset:
    """Utterances and their features, row by row.

    Parameters
    ----------
    utterances : tuple of Utterance, length n
    matrix : ndarray, shape (n, d), float32
    spec : FeatureSpec
        As computed: its rate is fixed, so that `predict` computes the same.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    utterances: tuple[Utterance, ...]
    matrix: NDArray[np.float32]
    spec: FeatureSpec
    failures: tuple[Failure, ...]

    @property
    def emotions(self) -> list[str]:
        """Emotion of every row."""
        return [utterance.emotion for utterance in self.utterances]

    @property
    def speakers(self) -> int:
        """Number of speakers that are known."""
        named = {(u.corpus, u.speaker) for u in self.utterances if u.speaker is not None}
        return len(named)

    def summary(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a model card states of each corpus."""
        names = sorted({utterance.corpus for utterance in self.utterances})
        return {name: self._summary_of(name) for name in names}

    def _summary_of(self, name: str) -> Mapping[str, Any]:
        members = [utterance for utterance in self.utterances if utterance.corpus == name]
        corpus = CORPORA.get(name)
        return {
            "utterances": len(members),
            "speakers": len({u.speaker for u in members if u.speaker is not None}),
            "licence": corpus.licence if corpus else "your own data",
            "citation": corpus.citation if corpus else "",
        }


def observed(found: Sequence[Utterance], emotions: Sequence[str] | None) -> tuple[Utterance, ...]:
    """Utterances of some emotions, or of all where none are named.

    Raises
    ------
    TrainingError
        If an emotion does not occur: a typing error, or another corpus's word.
    """
    if emotions is None:
        return tuple(found)
    known = sorted({utterance.emotion for utterance in found})
    unknown = [emotion for emotion in emotions if emotion not in known]
    if unknown:
        raise TrainingError(
            f"no recording of {', '.join(map(repr, unknown))}; there are: {', '.join(known)}."
        )
    return tuple(utterance for utterance in found if utterance.emotion in emotions)


def gather(
    name: str,
    spec: FeatureSpec,
    *,
    root: str | Path | None = None,
    emotions: Sequence[str] | None = None,
    workers: int | None = None,
    cached: bool = True,
    progress: bool = False,
) -> Dataset:
    """Find a corpus's utterances and compute their features.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``.
    spec : FeatureSpec
        Without a rate, the recordings' common rate is fixed in it.
    root : str or Path, optional
        As for ``corpora.root_of``.
    emotions : sequence of str, optional
        Keep these only.
    workers : int, optional
    cached : bool
        Use the feature cache.
    progress : bool

    Returns
    -------
    Dataset

    Raises
    ------
    CorpusError, TrainingError
        If the corpus cannot be read, an emotion is unknown, or no recording could be used.
    """
    chosen = observed(utterances(name, root_of(name, root)), emotions)
    paths = [utterance.path for utterance in chosen]
    spec = at_rate(spec, _first_rate_hz(paths))
    if cached:
        with FeatureCache() as cache:
            found = extract(paths, spec, workers=workers, cache=cache, progress=progress)
    else:
        found = extract(paths, spec, workers=workers, progress=progress)
    if not len(found.matrix):
        raise TrainingError(
            f"none of {len(paths)} recordings could be used, the first because: "
            f"{found.failures[0].reason}"
        )
    kept = tuple(chosen[place] for place in found.kept)
    return Dataset(kept, found.matrix, spec, found.failures)


def _first_rate_hz(paths: Sequence[Path]) -> int:
    """Rate of the first readable recording; the others are resampled to it."""
    for path in paths:
        try:
            return read(path).rate_hz
        except AudioError:
            continue
    raise TrainingError(f"none of {len(paths)} recordings can be read as audio.")
