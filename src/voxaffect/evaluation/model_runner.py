"""Evaluation of finished models: nothing is trained, and all labeled recordings are tested."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from voxaffect.corpora import OWN_DATA, Utterance, split_own_name
from voxaffect.errors import EvaluationError, LeakError
from voxaffect.evaluation.leaks import Leak, LeakCheck
from voxaffect.evaluation.loading import find_common, list_failures, load_conditions
from voxaffect.evaluation.metrics.categorical import describe_chance
from voxaffect.evaluation.protocols import Fold, Protocol
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import Condition, score_fold, spread_dimensions
from voxaffect.evaluation.studies import (
    CLEAN,
    FinishedModel,
    Study,
    System,
    SystemResult,
    measure_system,
)
from voxaffect.extraction import Transform
from voxaffect.features import FeatureSpec
from voxaffect.models import Model, get_model
from voxaffect.training import Corpora, Dataset, load_dataset
from voxaffect.training.dataset import name_corpus

_LEAST_EMOTIONS = 2
Models = Model | str | Path | Sequence[Model | str | Path]
_log = logging.getLogger("voxaffect")


def make_single_fold(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Test all utterances, and train on none."""
    return (Fold("all", np.array([], dtype=np.intp), np.arange(len(utterances)), seed),)


PROTOCOL = Protocol(
    "model",
    "a finished model, tested on all recordings; nothing was trained",
    make_single_fold,
    new_voices=None,
    reference_protocol="",
    is_open=True,
)


def evaluate_models(
    corpora: Corpora,
    models: Models,
    *,
    conditions: Sequence[str] = (),
    emotions: Sequence[str] | str | None = None,
    seed: int = 0,
    importance: bool = False,
    allow_leaks: bool = False,
    **options: Any,
) -> Study:
    """Test finished models on labeled recordings.

    Each recording is recognized as a whole. Recordings of emotions that a model does not know
    are left out.

    Parameters
    ----------
    corpora : str, sequence of str, or mapping of str to path
        As for `load_dataset`.
    models : Model, str or Path, or sequence of them
        Models, their files, or the names of bundled ones, ``accurate`` and ``fast``.
    conditions : sequence of str
        Degraded audio to test under, too.
    emotions : sequence of str, optional
        Keep these only; all by default, and for "all".
    seed : int
        For the permutation of feature groups.
    importance : bool
        Whether to compute the permutation importance of the feature groups.
    allow_leaks : bool
        Go on though a model was trained on one of the corpora.
    **options
        As for `load_dataset`.

    Returns
    -------
    Study
        Of the protocol ``model``, with a single fold.

    Raises
    ------
    LeakError
        If a model was trained on one of the corpora.
    CorpusError, TrainingError, EvaluationError
        If a corpus cannot be read, or fewer than two of its emotions are known to the models.
    """
    options.pop("encoder", None)  # of training
    loaded = _load_models(models)
    names = _name_corpora(corpora, options.get("name"))
    known = {name: _list_known(model, names) for name, model in loaded.items()}
    if not allow_leaks:
        _refuse_known_corpora(known, corpora)
    options["emotions"] = None if emotions in ("all", ["all"]) else emotions
    datasets: dict[FeatureSpec, dict[str, Dataset]] = {}
    for model in loaded.values():
        spec = model.spec
        if spec not in datasets:
            load = partial(_load, corpora, spec, **options)
            datasets[spec] = load_conditions(load, conditions, rate_hz=spec.rate_hz)
    everything = [data for by_condition in datasets.values() for data in by_condition.values()]
    tested, unknown = _select_tested(find_common(everything), loaded.values())
    importance = importance and all(model.emotions for model in loaded.values())
    if conditions:
        _check_measured_by_emotions(tested, loaded)
    results, first = {}, None
    for name, model in loaded.items():
        rows = {key: data.select(tested) for key, data in datasets[model.spec].items()}
        clean = rows.pop(CLEAN)
        first = first or clean
        matrices = {key: data.matrix for key, data in rows.items()}
        system = System(None, clean, matrices, _summarize(model))
        run = _ModelRun(model, tuple(known[name]), unknown, seed)
        results[name] = run.measure(system, importance=importance)
    assert first is not None
    protocol = _choose_protocol([one for ones in known.values() for one in ones])
    missing = "a finished model is not trained again"
    return Study(protocol, "", missing, seed, results, first, list_failures(everything))


def _load_models(models: Models) -> dict[str, Model]:
    """Models by the name of their file."""
    chosen = [models] if isinstance(models, Model | str | PathLike) else list(models)
    if not chosen:
        raise EvaluationError("no model to evaluate. Name one or more.")
    loaded: dict[str, Model] = {}
    for one in chosen:
        model = get_model(one)
        name = Path(model.name).name
        if name in loaded:
            raise EvaluationError(f"two models are called {name!r}. Rename one of the files.")
        loaded[name] = model
    return loaded


def _name_corpora(corpora: Corpora, own_name: str | None) -> set[str]:
    """Names of the corpora in a model card."""
    return {name_corpus(key, own_name) for key in _list_keys(corpora)}


def _list_keys(corpora: Corpora) -> list[str]:
    return [corpora] if isinstance(corpora, str) else [*corpora]


def _list_known(model: Model, names: Collection[str]) -> list[str]:
    """Corpora of a model's training that have one of these names, however it is written."""
    simple = {_simplify(name) for name in names}
    return sorted(name for name in model.card.corpora if _simplify(name) in simple)


def _simplify(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _refuse_known_corpora(known: Mapping[str, Sequence[str]], corpora: Corpora) -> None:
    kinds = {key: split_own_name(key)[0] for key in _list_keys(corpora)}
    remedy = "".join(
        f"If {key} holds other data, give it another name, as in {kind}:NAME. "
        for key, kind in kinds.items()
        if kind in OWN_DATA
    )
    for name, trained in known.items():
        if trained:
            raise LeakError(
                f"{name}: the model was trained on {' and '.join(trained)}, so its figures there "
                f"would be too good. {remedy}Take other data, or allow it with --allow-leaks "
                "(in Python allow_leaks=True)."
            )


def _load(corpora: Corpora, spec: FeatureSpec, transform: Transform | None, **options: Any) -> Any:
    return load_dataset(corpora, spec, transform=transform, **options)


def _select_tested(
    utterances: set[Utterance], models: Collection[Model]
) -> tuple[set[Utterance], dict[str, int]]:
    """Utterances that all models can be tested on, and the number of the others by emotion."""
    known = [model.emotions for model in models if model.emotions]
    if not known or not any(utterance.emotion for utterance in utterances):
        return utterances, {}
    return select_known(utterances, known, "model")


def _check_measured_by_emotions(
    utterances: Collection[Utterance], models: Mapping[str, Model]
) -> None:
    """Refuse conditions where a model or the data have no emotions."""
    names = [name for name, model in models.items() if not model.emotions]
    if not any(utterance.emotion for utterance in utterances):
        names = ["the data"]
    if names:
        raise EvaluationError(
            f"{names[0]}: dimensions without emotions, and conditions are measured by the UAR of "
            "emotions. Leave them out."
        )


def select_known(
    utterances: Collection[Utterance], emotion_sets: Sequence[Collection[str]], noun: str
) -> tuple[set[Utterance], dict[str, int]]:
    """Utterances whose emotion all systems know, and the number of the others by emotion.

    Parameters
    ----------
    utterances : collection of Utterance
    emotion_sets : sequence of collection of str
        Emotions of each system.
    noun : str
        Kind of the systems, for messages.

    Raises
    ------
    EvaluationError
        If fewer than two emotions are left.
    """
    emotions = set.intersection(*map(set, emotion_sets))
    counts = Counter(utterance.emotion for utterance in utterances)
    unknown = {name: counts[name] for name in sorted(counts) if name not in emotions}
    if len(counts.keys() & emotions) < _LEAST_EMOTIONS:
        raise EvaluationError(
            f"the data and the {noun} share {len(counts.keys() & emotions)} emotions, at least "
            f"{_LEAST_EMOTIONS} are needed: the data have {', '.join(sorted(counts))}; the {noun} "
            f"knows {', '.join(sorted(emotions))}. If words mean the same, say so with --labels "
            "(in Python labels=)."
        )
    for name, count in unknown.items():
        _log.info("%s: %s recordings left out, the %s does not know it", name, f"{count:,}", noun)
    return {utterance for utterance in utterances if utterance.emotion in emotions}, unknown


def _refuse_without_scores(model: Model) -> EvaluationError:
    names = ", ".join(model.dimension_names)
    if not names:
        return EvaluationError(
            f"{model.name}: gives no dimensions, and these data have nothing else. Evaluate on "
            "data with the column emotion."
        )
    return EvaluationError(
        f"{model.name}: gives {names}, and no tested recording has a rating of one of them. "
        "Evaluate on data with such a column."
    )


def _summarize(model: Model) -> str:
    card = model.card
    corpora = " and ".join(card.corpora) or "unknown data"
    return f"finished model ({card.recipe}), trained on {corpora}"


def _choose_protocol(known: Sequence[str]) -> Protocol:
    """Protocol, whose speakers are not new if a model was trained on one of the corpora."""
    if not known:
        return PROTOCOL
    names = " and ".join(dict.fromkeys(known))
    summary = f"a finished model, tested on recordings that include its training data ({names})"
    return replace(PROTOCOL, summary=summary, new_voices=False)


def _describe_unchecked(trained: Sequence[str], known: Sequence[str]) -> str:
    """Describe what was not compared of the tested data and the training data of a model."""
    if not trained:
        return "the training data of the model: its card names no corpus, so nothing was compared"
    compared = (
        "speakers and recordings: only the names of the tested corpora were compared with those "
        f"of the training corpora ({', '.join(trained)})"
    )
    if known:
        return f"{compared}. Both have {', '.join(known)}"
    return f"{compared}. None is the same"


@dataclass(frozen=True, eq=False)
class _ModelRun:
    """Test of one model.

    Parameters
    ----------
    model : Model
    known : tuple of str
        Corpora among the data that it was trained on.
    unknown : mapping of str to int
        Emotions that were left out, and their recordings.
    seed : int
    """

    model: Model
    known: tuple[str, ...]
    unknown: Mapping[str, int]
    seed: int

    def measure(self, system: System, *, importance: bool) -> SystemResult:
        """Evaluate the model as for a recipe."""
        evaluate = partial(self._evaluate, system.data)
        result = measure_system(system, PROTOCOL, evaluate, importance=importance)
        origin = FinishedModel(self.model.sha256, tuple(self.model.card.corpora))
        return replace(result, model=origin)

    def _evaluate(
        self, data: Dataset, conditions: Mapping[str, Condition]
    ) -> dict[str, Evaluation]:
        protocol = _choose_protocol(self.known)
        leak = Leak("corpus", protocol.name, False, self.known)
        check = LeakCheck((leak,), 0) if self.known else None
        unchecked = _describe_unchecked(tuple(self.model.card.corpora), self.known)
        (fold,) = protocol.split(data.utterances, self.seed)
        truth, emotions = np.array(data.emotions), self.model.emotions
        if not data.has_emotions:
            emotions = ()
        results = {}
        for name, condition in conditions.items():
            features = condition(data.matrix, fold.seed) if callable(condition) else condition
            probabilities = self.model.probabilities(features)[:, : len(emotions)]
            names, values = self.model.dimension_names, self.model.dimensions(features)
            dimensions = spread_dimensions(names, values) if names else None
            results[name] = Evaluation(
                protocol,
                emotions,
                (score_fold(fold, probabilities, truth, emotions, dimensions),),
                data.utterances,
                check,
                describe_chance(emotions),
                "probabilities" if emotions else "dimensions",
                abstention=self.model.card.abstention if emotions else {},
                unknown=self.unknown,
                unchecked=(unchecked,),
            )
            if not emotions and not results[name].dimension_scores:
                raise _refuse_without_scores(self.model)
        return results
