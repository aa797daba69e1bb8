"""Datasets: corpora with their features, from which every training and evaluation starts."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Recording, get_file, open_blocks
from voxaffect.corpora import (
    CORPORA,
    OWN_DATA,
    Corpus,
    ReadOptions,
    Utterance,
    find_emotion,
    find_root,
    read_corpora,
    split_own_name,
)
from voxaffect.corpora.base import list_emotions
from voxaffect.corpora.labels import check_labels
from voxaffect.corpora.ratings import restrict_shares
from voxaffect.corpora.vocabulary import normalize_label
from voxaffect.errors import CorpusError, TrainingError
from voxaffect.extraction import (
    Extraction,
    Failure,
    LocalExecutor,
    Transform,
    extract,
    open_cache,
)
from voxaffect.features import ENCODER, FeatureSpec, check_spec, fix_rate, get_feature_spec
from voxaffect.records.arguments import check_kind, check_list, check_share
from voxaffect.training.augmentation.babble import BabbleSource, has_other_recordings
from voxaffect.training.augmentation.policy import Augmentation, augmentation_transforms
from voxaffect.training.feature_tables import KIND as FEATURE_TABLES, read_matrix, read_spec
from voxaffect.training.matrices import join_matrices, take_rows
from voxaffect.training.ratings import SoftLabels, collect_dimensions, collect_soft_labels
from voxaffect.training.recipes import DEFAULT_SEED, Recipe, choose_recipe
from voxaffect.training.sources import get_source

if TYPE_CHECKING:
    from voxaffect.training.encoders.inputs import EncoderInputs


class RunOptions(TypedDict, total=False):
    """Options on how features are computed; none changes a number."""

    workers: int | None
    cached: bool
    progress: bool
    max_seconds: float


class DataOptions(RunOptions, total=False):
    """Options of `load_dataset` that functions above it pass on."""

    layout: str | None
    labels: Mapping[str, str] | str | None
    columns: Mapping[str, str] | None
    name: str | None


class LoadOptions(DataOptions, total=False):
    """Options of `load_training_data` that functions above it pass on."""

    encoder: str | Path | None


Corpora = str | Sequence[str] | Mapping[str, str | Path | None]

_log = logging.getLogger("voxaffect")
LEAST_CORPORA = 3
"""Corpora from which on what is unseen is estimated by leaving corpora out."""
_SHOWN = 3  # recordings that one message lists


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows that an estimator is fitted on.

    Parameters
    ----------
    matrix : ndarray, shape (n, d), float32
        Utterances, then augmented copies of them.
    emotions : ndarray of str, shape (n,)
    origins : ndarray of int, shape (n,)
        Copies of one utterance share a number; its first row is the original.
    speakers : ndarray of str, shape (n,)
        An utterance whose speaker is unknown counts as a speaker of its own.
    weights : ndarray, shape (n,), optional
        Of the rows, with a mean of 1; alike by default.
    soft_labels : SoftLabels, optional
        Shares of the emotions in each row, where any is known.
    dimensions : ndarray, shape (n, 3), optional
        Ratings, where there are any; NaN where a dimension is not rated.
    """

    matrix: NDArray[np.float32]
    emotions: NDArray[np.str_]
    origins: NDArray[np.intp]
    speakers: NDArray[np.str_]
    weights: NDArray[np.float64] | None = None
    soft_labels: SoftLabels | None = None
    dimensions: NDArray[np.float64] | None = None

    def select(self, chosen: NDArray[np.bool_]) -> TrainingRows:
        """Return some of the rows."""
        return TrainingRows(
            take_rows(self.matrix, chosen),
            self.emotions[chosen],
            self.origins[chosen],
            self.speakers[chosen],
            None if self.weights is None else self.weights[chosen],
            None if self.soft_labels is None else self.soft_labels.select(chosen),
            None if self.dimensions is None else self.dimensions[chosen],
        )


@dataclass(frozen=True, eq=False)
class AugmentedCopies:
    """Augmented copies of utterances, to train on and never to test on.

    Parameters
    ----------
    matrix : ndarray, shape (m, d), float32
    origins : ndarray of int, shape (m,)
        Which utterance each is a copy of.
    """

    matrix: NDArray[np.float32]
    origins: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Utterances and their features, row by row.

    Parameters
    ----------
    utterances : tuple of Utterance, length n
    matrix : ndarray, shape (n, d), float32
    spec : FeatureSpec, optional
        As computed: its rate is fixed, so that `predict` computes the same. None where the
        features come from elsewhere.
    failures : tuple of Failure
        Recordings that could not be used.
    copies : AugmentedCopies, optional
        Copies to train on, if any were made.
    augmentation : Augmentation, optional
        How they were made.
    notes : tuple of str
        How people's own data were read, one line each.
    inputs : EncoderInputs, optional
        Log-mel spectrograms of the utterances and copies, for a recipe that trains the encoder.
    """

    utterances: tuple[Utterance, ...]
    matrix: NDArray[np.float32]
    spec: FeatureSpec | None = None
    failures: tuple[Failure, ...] = ()
    copies: AugmentedCopies | None = None
    augmentation: Augmentation | None = None
    notes: tuple[str, ...] = ()
    inputs: EncoderInputs | None = None

    @property
    def emotions(self) -> list[str]:
        """Emotion of every utterance; empty words where only dimensions are rated."""
        return [utterance.emotion for utterance in self.utterances]

    @property
    def has_emotions(self) -> bool:
        """True unless only dimensions, such as arousal, are rated."""
        return any(utterance.emotion for utterance in self.utterances)

    @property
    def speakers(self) -> int:
        """Number of speakers that are known."""
        named = {(u.corpus, u.speaker) for u in self.utterances if u.speaker is not None}
        return len(named)

    def rows(
        self, indices: NDArray[np.intp] | None = None, *, is_balanced: bool = False
    ) -> TrainingRows:
        """Rows to fit on: some utterances, or all, with their copies and no others.

        Parameters
        ----------
        indices : ndarray of int, optional
            Of the utterances.
        is_balanced : bool
            Whether to weigh the rows, so that each emotion of each corpus counts alike.
        """
        indices = np.arange(len(self.utterances)) if indices is None else indices
        origins, parts = indices, [take_rows(self.matrix, indices)]
        if self.copies is not None:
            is_chosen = np.isin(self.copies.origins, indices)
            origins = np.concatenate((indices, self.copies.origins[is_chosen]))
            parts.append(self.copies.matrix[is_chosen])
        emotions = np.array(self.emotions)[origins]
        speakers = np.array([_name_speaker(u, i) for i, u in enumerate(self.utterances)])[origins]
        weights = None
        if is_balanced:
            corpora = np.array([utterance.corpus for utterance in self.utterances])[origins]
            weights = _balance(corpora, emotions)
        matrix = parts[0] if len(parts) == 1 else np.concatenate(parts)
        soft_labels = collect_soft_labels(self.utterances)
        dimensions = collect_dimensions(self.utterances)
        return TrainingRows(
            matrix,
            emotions,
            origins,
            speakers,
            weights,
            None if soft_labels is None else soft_labels.select(origins).prune(),
            None if dimensions is None else dimensions[origins],
        )

    def select(self, utterances: Collection[Utterance]) -> Dataset:
        """Return the dataset of some of its utterances, with their copies."""
        indices = [n for n, utterance in enumerate(self.utterances) if utterance in utterances]
        copies = self.copies
        if copies is not None:
            is_chosen = np.isin(copies.origins, indices)
            origins = np.searchsorted(indices, copies.origins[is_chosen])
            copies = AugmentedCopies(copies.matrix[is_chosen], origins)
        chosen = tuple(self.utterances[index] for index in indices)
        return replace(self, utterances=chosen, matrix=self.matrix[indices], copies=copies)

    def describe(self, titles: Sequence[str]) -> str:
        """Return a line that counts utterances, speakers and features."""
        features = self.spec.name if self.spec else "other"
        return (
            f"{', '.join(titles)}: {len(self.utterances)} utterances, {self.speakers} speakers, "
            f"{self.matrix.shape[1]} {features} features, "
            f"{', '.join(list_emotions(self.utterances)) or 'no emotions'}"
        )

    def summary(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the entry of each corpus in a model card."""
        names = sorted({utterance.corpus for utterance in self.utterances})
        return {name: self._summarize_corpus(name) for name in names}

    def _summarize_corpus(self, name: str) -> Mapping[str, Any]:
        members = [utterance for utterance in self.utterances if utterance.corpus == name]
        corpus = CORPORA.get(name)
        labels = sorted({(u.label, u.emotion) for u in members if u.label is not None})
        return {
            "utterances": len(members),
            "speakers": len({u.speaker for u in members if u.speaker is not None}),
            "license": _describe_license(corpus) if corpus else "your own data",
            "citation": corpus.citation if corpus else "",
            **({"labels": ", ".join(f"{word} as {to}" for word, to in labels)} if labels else {}),
        }


def _describe_license(corpus: Corpus) -> str:
    """License; of a plug-in's corpus, also whether it is non-commercial, as cards are read."""
    is_stated = corpus.is_commercial is not False or corpus.name in CORPORA.builtins
    return corpus.license if is_stated else f"{corpus.license} (non-commercial)"


def _balance(corpora: NDArray[np.str_], emotions: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights with which each emotion of each corpus counts alike; their mean is 1."""
    pairs = np.stack([corpora, emotions])
    _, groups, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    return np.asarray(len(emotions) / (len(counts) * counts[groups.ravel()]))


def _name_speaker(utterance: Utterance, index: int) -> str:
    return f"{utterance.corpus}/{utterance.speaker or f'unknown {index}'}"


def select_emotions(
    utterances: Sequence[Utterance], emotions: Sequence[str] | None
) -> tuple[Utterance, ...]:
    """Utterances of some emotions, or of all where none are named.

    A soft label keeps its shares of those emotions, scaled to a sum of 1.

    Raises
    ------
    TrainingError
        If an emotion does not occur: a typing error, or another corpus's word.
    """
    if emotions is None:
        return tuple(utterances)
    known = {name: match_emotion(name, utterances) for name in emotions}
    kept = [emotion for emotion in known.values() if emotion is not None]
    unknown = [name for name, emotion in known.items() if emotion is None]
    if unknown:
        existing = list_emotions(utterances)
        raise TrainingError(
            f"no recording of {', '.join(map(repr, unknown))}; there are: "
            f"{', '.join(existing) or 'none, since only dimensions are rated'}."
        )
    return tuple(
        utterance
        if utterance.soft_label is None
        else replace(utterance, soft_label=restrict_shares(utterance.soft_label, kept))
        for utterance in utterances
        if utterance.emotion in kept
    )


def match_emotion(name: str, utterances: Sequence[Utterance]) -> str | None:
    """Emotion of a name: our word, a word of the data, or another word for it."""
    emotions = set(list_emotions(utterances))
    if name in emotions:
        return name
    names = {normalize_label(u.label): u.emotion for u in utterances if u.label is not None}
    names |= {normalize_label(emotion): emotion for emotion in emotions}
    other = find_emotion(name)
    return names.get(normalize_label(name)) or (other if other in emotions else None)


def load_dataset(
    corpora: Corpora,
    features: FeatureSpec | str,
    *,
    emotions: Sequence[str] | None = None,
    transform: Transform | None = None,
    layout: str | None = None,
    labels: Mapping[str, str] | str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str | None = None,
    **run_options: Unpack[RunOptions],
) -> Dataset:
    """Find the utterances of corpora and compute their features.

    Parameters
    ----------
    corpora : str, sequence of str, or mapping of str to path
        Names (keys of ``corpora.CORPORA``, ``folder`` or ``csv``), and the folder of each, as
        for ``corpora.find_root``. Several tables are named apart: ``csv:calls``, ``csv:radio``.
    features : FeatureSpec or str
        Spec, or name of a feature set. Without a rate, that of the first recording is fixed in it.
    emotions : sequence of str, optional
        Keep these only, named by our words or by those of the data.
    transform : Transform, optional
        Applied to every recording first.
    layout : str, optional
        Of ``folder``: meaning of each level of folders, such as ``speaker/emotion``; by default
        it is found from the names.
    labels : mapping of str to str, or "none", optional
        From words of the data to emotions, before the vocabulary; ``"none"`` keeps every word.
    columns : mapping of str to str, optional
        Of ``csv``: its name for our columns, such as ``{"emotion": "label"}``.
    name : str, optional
        Of ``folder`` or ``csv`` as a corpus; its kind by default.
    workers : int, optional
        As for ``extract``.
    cached : bool
        Use the feature cache; True by default.
    progress : bool
    max_seconds : float
        Longest recording to accept, 300 by default. Memory grows with it.

    Returns
    -------
    Dataset

    Raises
    ------
    CorpusError, TrainingError
        If a corpus cannot be read, an emotion is unknown, no recording could be used, or one of
        people's own recordings has two emotions.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> data.matrix.shape, data.speakers
    ((12, 180), 3)
    """
    spec = get_feature_spec(features) if isinstance(features, str) else features
    check_kind(spec, FeatureSpec, "features", "a FeatureSpec or the name of a feature set")
    check_spec(spec)
    roots, utterances, notes = read_utterances(corpora, ReadOptions(layout, labels, columns, name))
    chosen = select_emotions(utterances, emotions)
    check_labels(list_emotions(chosen), labels)
    check_alike(chosen)
    if _is_of_features(roots):
        data = _read_features(roots, utterances, chosen, spec, transform)
    else:
        data = _compute_features(chosen, spec, transform, **run_options)
    notes = (*notes, *_check_contradictions(data.utterances, data.matrix))
    data = replace(data, notes=notes)
    for note in notes:
        _log.info("%s", note)
    titles = [name_corpus(corpus, name) for corpus in roots]
    condition = transform.key.partition(",")[0] if transform else ""
    _log.info("%s", data.describe([*titles, condition] if condition else titles))
    return data


def _compute_features(
    chosen: Sequence[Utterance],
    spec: FeatureSpec,
    transform: Transform | None,
    **run_options: Unpack[RunOptions],
) -> Dataset:
    """Dataset of utterances whose recordings are analyzed."""
    paths = [get_source(utterance) for utterance in chosen]
    spec = fix_rate(spec, _first_rate_hz(paths))
    extraction = _extract(paths, spec, transform, **run_options)
    matrix, failures = extraction.matrix, extraction.failures
    if not len(matrix):
        raise TrainingError(
            f"none of {len(paths)} recordings could be used, the first because: "
            f"{failures[0].reason}"
        )
    return Dataset(tuple(chosen[index] for index in extraction.kept), matrix, spec, failures)


def _is_of_features(corpora: Iterable[str]) -> bool:
    """True if corpora are datasets of features.

    Raises
    ------
    TrainingError
        If only some are.
    """
    kinds = {split_own_name(name)[0] == FEATURE_TABLES for name in corpora}
    if len(kinds) > 1:
        raise TrainingError(
            "features: a dataset of features goes with other such datasets only. Write one of the "
            "other corpora, too."
        )
    return kinds == {True}


def _read_features(
    roots: Mapping[str, Path],
    utterances: Sequence[Utterance],
    chosen: Sequence[Utterance],
    spec: FeatureSpec,
    transform: Transform | None,
) -> Dataset:
    """Dataset of utterances whose features were computed before."""
    if transform is not None:
        raise TrainingError(
            f"features: {transform.key.partition(',')[0]} needs the recordings, and a dataset of "
            "features has none. Name the recordings instead."
        )
    parts = []
    for root in roots.values():
        stored = read_spec(root)
        wanted = fix_rate(spec, stored.rate_hz or 0)
        if stored != wanted:
            raise TrainingError(
                f"{root}: has the features {stored.to_json()}, expected {wanted.to_json()}. Name a "
                "recipe for these features, or --features; or write the dataset again."
            )
        parts.append(read_matrix(root, stored))
    identities = {id(utterance) for utterance in chosen}
    is_kept = np.array([id(utterance) in identities for utterance in utterances])
    return Dataset(tuple(chosen), take_rows(join_matrices(parts), is_kept), wanted)


def read_utterances(
    corpora: Corpora, options: ReadOptions
) -> tuple[dict[str, Path], tuple[Utterance, ...], tuple[str, ...]]:
    """Folder or table of each corpus, all utterances, and notes on how they were read.

    Raises
    ------
    CorpusError, TrainingError
        If no corpus is named, one cannot be read, or an option is for data that are not there.
    """
    if isinstance(corpora, str):
        corpora = [corpora]
    if not isinstance(corpora, Mapping):
        corpora = dict.fromkeys(check_list(corpora, "corpora", "names of corpora"))
    if not corpora:
        raise CorpusError("no corpus is named: at least one is needed.")
    given = {str(name): root for name, root in corpora.items()}
    _check_own(given, options)
    roots = {name: find_root(name, root) for name, root in given.items()}
    return roots, *read_corpora(roots, options)


def check_alike(utterances: Sequence[Utterance]) -> None:
    """Refuse data of which only some have emotions.

    Raises
    ------
    TrainingError
    """
    corpora = {
        has: sorted({u.corpus for u in utterances if bool(u.emotion) is has})
        for has in (True, False)
    }
    if corpora[True] and corpora[False]:
        raise TrainingError(
            f"{' and '.join(corpora[False])}: dimensions without emotions, and "
            f"{' and '.join(corpora[True])} has emotions. Use them one by one, or add the emotions."
        )


def _check_contradictions(
    utterances: Sequence[Utterance], matrix: NDArray[np.float32]
) -> tuple[str, ...]:
    """Refuse one recording under two emotions, whatever its files are called and coded in.

    Equal features are equal sound. People's own data are refused; public corpora get a note.
    """
    groups: dict[bytes, list[Utterance]] = {}
    for utterance, row in zip(utterances, matrix, strict=True):
        groups.setdefault(hashlib.sha256(row.tobytes()).digest(), []).append(utterance)
    twice = [same for same in groups.values() if len({u.emotion for u in same}) > 1]
    if not twice:
        return ()
    pairs = []
    for same in twice[:_SHOWN]:
        by_emotion = {u.emotion: str(get_source(u)) for u in reversed(same)}
        pairs.append(" = ".join(f"{path} ({emotion})" for emotion, path in by_emotion.items()))
    more = f"; and {len(twice) - _SHOWN:,} more" if len(twice) > _SHOWN else ""
    message = f"the same recording under several emotions: {'; '.join(pairs)}{more}."
    if all(u.corpus in CORPORA for same in twice for u in same):
        return (message,)
    raise TrainingError(f"{message} Keep each recording once, under the right emotion.")


def name_corpus(key: str, name: str | None) -> str:
    """Name that the utterances of a corpus have, from its key and the option ``name``."""
    kind, own_name = split_own_name(key)
    return own_name or (name if name and kind in OWN_DATA else key)


def _check_own(names: Collection[str], options: ReadOptions) -> None:
    """Refuse an option for a kind of data that is not among the corpora."""
    kinds = [split_own_name(name)[0] for name in names]
    unnamed = [name for name in names if name in OWN_DATA]
    if options.name is not None and len(unnamed) != 1:
        raise TrainingError(
            f"name {options.name!r}: expected one of folder and csv among the corpora, "
            f"found {len(unnamed)}. Name each where it stands, such as csv:{options.name}."
        )
    for option, kind in (("layout", "folder"), ("columns", "csv")):
        if getattr(options, option) is not None and kind not in kinds:
            raise TrainingError(f"{option}: is for {kind}, and it is not among the corpora.")


def augment_dataset(
    data: Dataset, policy: Augmentation, *, seed: int, **run_options: Unpack[RunOptions]
) -> Dataset:
    """Add augmented copies of every utterance, to train on.

    Parameters
    ----------
    data : Dataset
    policy : Augmentation
    seed : int
    **run_options
        ``workers``, ``cached``, ``progress`` and ``max_seconds`` as for `load_dataset`.

    Returns
    -------
    Dataset
        The same utterances; a copy that cannot be used is left out.

    Raises
    ------
    TrainingError
        If the dataset does not state how its features were computed.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> policy = va.get_recipe("logistic").augmentation
    >>> va.augment_dataset(data, policy, seed=9).copies.matrix.shape
    (72, 180)
    """
    check_kind(data, Dataset, "data", "a Dataset, as load_dataset makes it")
    check_kind(policy, Augmentation, "policy", "an Augmentation")
    paths = [get_source(utterance) for utterance in data.utterances]
    spec = data.spec
    if spec is None or spec.rate_hz is None:
        raise TrainingError("copies need the spec that the features were computed by.")
    if not has_other_recordings(data.utterances):
        policy = replace(policy, babble_probability=0.0)  # states what is done
    babble = BabbleSource.from_utterances(data.utterances) if policy.babble_probability else None
    transforms = augmentation_transforms(policy, rate_hz=spec.rate_hz, seed=seed, babble=babble)
    copies, inputs = [], data.inputs
    with LocalExecutor(run_options.pop("workers", None)) as executor:
        for transform in transforms:
            copy = _extract(paths, spec, transform, workers=executor, **run_options)
            copies.append(copy)
            if inputs is not None:
                sources = [paths[index] for index in copy.kept]
                options = _select_input_options({**run_options, "workers": executor})
                inputs = inputs.add(sources, copy.matrix, transform=transform, **options)
    matrix = np.concatenate([copy.matrix for copy in copies])
    augmented = AugmentedCopies(matrix, np.concatenate([copy.kept for copy in copies]))
    return replace(data, copies=augmented, augmentation=policy, inputs=inputs)


def join_datasets(datasets: Sequence[Dataset]) -> Dataset:
    """Dataset of the utterances of several, such as several tables of one's own.

    Parameters
    ----------
    datasets : sequence of Dataset
        With the same features, and all or none with augmented copies.

    Returns
    -------
    Dataset

    Raises
    ------
    TrainingError
        If there is none, or their features or copies were made in different ways.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> happy, sad = (
    ...     data.select([u for u in data.utterances if u.emotion == emotion])
    ...     for emotion in ("happy", "sad")
    ... )
    >>> va.join_datasets([happy, sad]).matrix.shape
    (12, 180)
    """
    parts: list[Dataset] = [*check_list(datasets, "datasets", "Datasets")]
    for part in parts:
        check_kind(part, Dataset, "datasets", "Datasets, as load_dataset makes them")
    if not parts:
        raise TrainingError("datasets: at least one is needed, found none.")
    for name in ("spec", "augmentation"):
        values = [getattr(part, name) for part in parts]
        if any(value != values[0] for value in values):
            raise TrainingError(
                f"datasets: expected the same {name} in all, found {values[0]} and others."
            )
    starts = np.cumsum([0, *(len(part.utterances) for part in parts)])
    copies = [part.copies for part in parts if part.copies is not None]
    joined = None
    if copies:
        origins = [copy.origins + start for copy, start in zip(copies, starts, strict=False)]
        joined = AugmentedCopies(
            np.concatenate([copy.matrix for copy in copies]), np.concatenate(origins)
        )
    inputs = [part.inputs for part in parts if part.inputs is not None]
    return replace(
        parts[0],
        utterances=tuple(utterance for part in parts for utterance in part.utterances),
        matrix=np.concatenate([part.matrix for part in parts]),
        failures=tuple(failure for part in parts for failure in part.failures),
        notes=tuple(note for part in parts for note in part.notes),
        copies=joined,
        inputs=inputs[0].join(*inputs[1:]) if inputs else None,
    )


def load_training_data(
    corpora: Corpora,
    recipe: str | Recipe,
    *,
    features: str | None = None,
    emotions: Sequence[str] | str | None = None,
    transform: Transform | None = None,
    augment: bool = True,
    babble: float | None = None,
    encoder: str | Path | None = None,
    seed: int = DEFAULT_SEED,
    **options: Unpack[DataOptions],
) -> Dataset:
    """Load corpora with the features and the augmented copies of a recipe.

    Parameters
    ----------
    corpora : str, sequence of str, or mapping of str to path
        As for `load_dataset`.
    recipe : str or Recipe
    features : str, optional
        Feature set; by default that of the recipe.
    emotions : sequence of str, optional
        Keep these only; all by default, and for "all".
    transform : Transform, optional
        Applied to every recording first.
    augment : bool
        Whether to make the copies of the recipe.
    babble : float, optional
        Share of the noisy copies that use background speech, instead of the recipe's.
    encoder : str or Path, optional
        With the features ``encoder``: name or weights of a pretrained encoder; by default that
        of the recipe.
    seed : int
    **options
        As for `load_dataset`.

    Raises
    ------
    CorpusError, TrainingError
        As `load_dataset`; also if babble is asked for, and no speaker has two recordings.
    """
    if babble is not None:
        check_share(babble, "babble")
    recipe = choose_recipe(recipe, features)
    spec = _make_spec(recipe, features, encoder)
    chosen = None if emotions in ("all", ["all"]) else emotions
    data = load_dataset(corpora, spec, emotions=chosen, transform=transform, **options)
    if recipe.is_finetuned:
        data = _add_inputs(data, encoder or recipe.encoder, transform, **options)
    if not augment or recipe.augmentation is None:
        return data
    if _is_of_features([corpora] if isinstance(corpora, str) else corpora):
        _log.info("features: no augmented copies, which need the recordings")
        return data
    policy = recipe.augmentation
    _log.info("%s augmented copies to train on", f"{len(data.utterances) * policy.copies:,}")
    if babble is not None:
        policy = replace(policy, babble_probability=babble)
    if policy.babble_probability and not has_other_recordings(data.utterances):
        reason = "no speaker is known by two recordings or more, so no copy has background speech"
        if babble is not None:
            raise TrainingError(f"babble: {reason}. Name the speakers, or leave the option out.")
        _log.info("babble: %s", reason)
    return augment_dataset(data, policy, seed=seed, **_select_run_options(options))


def _make_spec(recipe: Recipe, features: str | None, encoder: str | Path | None) -> FeatureSpec:
    """Feature spec of a recipe, or of other features or another encoder."""
    name = features or recipe.features
    if name == ENCODER:
        from voxaffect.training.encoders.opening import DEFAULT_ENCODER, open_encoder

        return open_encoder(encoder or recipe.encoder or DEFAULT_ENCODER)
    if encoder is not None:
        raise TrainingError(
            f"encoder {str(encoder)!r}: expected the features {ENCODER}, found {name}. "
            f"Take the recipe {ENCODER}."
        )
    groups = recipe.groups if name == recipe.features else None
    return get_feature_spec(name, groups=groups)


def _add_inputs(
    data: Dataset, encoder: str | Path | None, transform: Transform | None, **options: Any
) -> Dataset:
    """Dataset with the log-mels of its utterances, and the weights of its encoder."""
    from voxaffect.training.encoders.inputs import load_inputs

    if data.spec is None or data.spec.name != ENCODER or encoder is None:
        raise TrainingError(
            f"the recipe trains an encoder: expected the features {ENCODER}, found "
            f"{data.spec.name if data.spec else 'others'}. Leave the features out."
        )
    sources = [get_source(utterance) for utterance in data.utterances]
    inputs = load_inputs(encoder, data.spec)
    options = _select_input_options(options)
    return replace(data, inputs=inputs.add(sources, data.matrix, transform=transform, **options))


def _select_input_options(options: Mapping[str, Any]) -> dict[str, Any]:
    names = {"workers", "progress", "max_seconds"}
    return {name: value for name, value in options.items() if name in names}


def _select_run_options(options: Mapping[str, Any]) -> Any:
    return {key: options[key] for key in RunOptions.__annotations__.keys() & options.keys()}


def _extract(
    paths: Sequence[Recording],
    spec: FeatureSpec,
    transform: Transform | None,
    *,
    cached: bool = True,
    **options: Any,
) -> Extraction:
    with open_cache(is_wanted=cached) as cache:
        return extract(paths, spec, transform=transform, cache=cache, **options)


def _first_rate_hz(paths: Sequence[Recording]) -> int:
    """Rate of the first readable recording; the others are resampled to it."""
    for path in paths:
        try:
            with open_blocks(get_file(path)) as blocks:
                for _ in blocks:  # to the end, or it might break there
                    pass
                return blocks.rate_hz
        except Exception:  # the failure of this recording, listed when its features are computed
            continue
    raise TrainingError(f"none of {len(paths)} recordings can be read as audio.")
