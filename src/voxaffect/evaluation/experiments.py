"""Experiments on corpora: train a model and measure it, or evaluate recipes by a protocol."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from voxaffect.corpora import ReadOptions
from voxaffect.errors import EvaluationError, TrainingError, VoxaffectError
from voxaffect.evaluation.loading import (
    check_conditions,
    find_common,
    list_failures,
    load_conditions,
)
from voxaffect.evaluation.metrics.calibration import WANTED_RISK, compute_risk_coverage
from voxaffect.evaluation.model_runner import Models, evaluate_models
from voxaffect.evaluation.prediction_runner import Files, evaluate_predictions
from voxaffect.evaluation.protocols import (
    Protocol,
    describe_common_emotions,
    get_protocol,
    random_split,
)
from voxaffect.evaluation.result import Evaluation
from voxaffect.evaluation.runner import HoldoutResult, evaluate_estimator, hold_out
from voxaffect.evaluation.studies import CLEAN, Study, System, evaluate_systems
from voxaffect.extraction import Failure, Transform
from voxaffect.features import get_rate_hz
from voxaffect.models import Model
from voxaffect.records.arguments import check_seed, check_share
from voxaffect.training import (
    DEFAULT_SEED,
    LEAST_CORPORA,
    Corpora,
    Dataset,
    LoadOptions,
    Recipe,
    TrainingRows,
    attach_inputs,
    can_use_soft_labels,
    check_estimator,
    choose_recipe,
    clone_with_seed,
    export,
    fit,
    load_training_data,
)
from voxaffect.training.ratings import (
    NO_REGRESSION,
    can_regress,
    choose_columns,
    describe_ratings,
)

if TYPE_CHECKING:
    from voxaffect.training.dimensions import DimensionRegressor

_PROTOCOL = "speakers"
_REGRESSION = "a ridge regression of each dimension, on the features of {}"
_log = logging.getLogger("voxaffect")


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """Trained model with its scores.

    Parameters
    ----------
    model : Model
        Trained on all utterances; its card states the scores.
    data : Dataset
        With the recordings that could not be used, as ``data.failures``.
    holdout : HoldoutResult or None
        Scores of the same recipe on a random share that was held out; None where nothing was
        measured, or there are no emotions.
    new_speakers : Evaluation or None
        The same on new speakers; None where that could not be measured.
    unmeasured : str
        Reason why there are no scores on new speakers; empty if there are.
    """

    model: Model
    data: Dataset
    holdout: HoldoutResult | None = None
    new_speakers: Evaluation | None = None
    unmeasured: str = ""


def train(
    corpora: Corpora | Dataset,
    recipe: str | Recipe | Any = None,
    *,
    features: str | None = None,
    emotions: Sequence[str] | str | None = None,
    augment: bool = True,
    babble: float | None = None,
    test_size: float = 0.25,
    seed: int = DEFAULT_SEED,
    output: str | Path | None = None,
    **options: Unpack[LoadOptions],
) -> TrainingResult:
    """Train a model on corpora, and measure its recipe.

    A random share is held out to measure accuracy as the tutorial does, and speakers are held
    out to measure it on new speakers. The model is then trained on everything.

    Parameters
    ----------
    corpora : str, sequence of str, mapping of str to path, or Dataset
        As for `load_dataset`; or a dataset, to which only the options from `test_size` on apply.
    recipe : str, Recipe or scikit-learn classifier, optional
        By default the recipe advised for the features. A classifier is used as it is; a model
        file can hold it if skl2onnx converts it.
    features : str, optional
        Feature set; by default that of the recipe.
    emotions : sequence of str, optional
        Keep these only; by default those of the recipe, which are mostly all. "all" keeps all.
    augment : bool
        Whether to train on augmented copies too, where the recipe does.
    babble : float, optional
        Share of the noisy copies that use background speech, instead of the recipe's.
    test_size : float
        Share that is held out to measure; 0 measures nothing.
    seed : int
    output : str or Path, optional
        Model file to write as soon as the model is trained, and again when it is measured.
    **options
        As for `load_dataset`.

    Returns
    -------
    TrainingResult

    Raises
    ------
    CorpusError, TrainingError, EvaluationError
        If a corpus cannot be read, or there is too little to train on or to hold out.

    Examples
    --------
    >>> result = va.train({"folder": "my_recordings"}, "logistic", output="model.onnx")
    >>> result.model.emotions, result.holdout.train_shape
    (('happy', 'sad'), (9, 5130))
    """
    check_seed(seed)
    check_share(test_size, "test_size", under_one=True)
    if isinstance(recipe, str | Recipe | None):
        chosen = choose_recipe(recipe, features)
        name, estimator = chosen.name, chosen.build(seed)
    else:
        check_estimator(recipe)
        name, estimator = type(recipe).__name__, clone_with_seed(recipe, seed)
        chosen = Recipe(name, "", lambda _: recipe, features or choose_recipe(None, None).features)
    if isinstance(corpora, Dataset):
        data = corpora
    else:
        data = load_training_data(
            corpora,
            chosen,
            features=features,
            emotions=chosen.emotions if emotions is None else emotions,
            augment=augment,
            babble=babble,
            seed=seed,
            **options,
        )
    attach_inputs(estimator, [data])
    with _log_failures_on_error(data.failures):
        if test_size:
            random_split(len(data.matrix), test_size=test_size, seed=seed)  # refuses an empty side
        _note_unused(data, name, estimator)
        rows = data.rows()
        fitted = None
        if data.has_emotions:
            fitted = fit(clone_with_seed(estimator, seed), rows)
        else:
            name = _name_regression(name, estimator)
        regressor = _fit_dimensions(rows, data, estimator)
    model = export(fitted, data, recipe=name, seed=seed, regressor=regressor)
    result = TrainingResult(model, data)
    if output is not None:  # also before the measuring, in case that is interrupted
        result.model.save(output)
    if not test_size:
        return result
    parts = _Parts(estimator, fitted, regressor)
    result = _measure(result, parts, test_size=test_size, seed=seed, recipe=name)
    if output is not None:
        result.model.save(output)
    return result


@dataclass(frozen=True, eq=False)
class _Parts:
    """Estimator of a recipe, the same fitted to everything, and the regression of dimensions."""

    estimator: Any
    fitted: Any
    regressor: DimensionRegressor | None


def _name_regression(name: str, estimator: Any) -> str:
    """Name of a recipe of dimensions alone: the ridge regression on the features of a recipe."""
    if not can_regress(estimator):
        raise TrainingError(f"{name}: {NO_REGRESSION}")
    _log.info("no emotions: %s", _REGRESSION.format(name))
    return f"ridge on the features of {name}"


def _note_unused(data: Dataset, name: str, estimator: Any) -> None:
    """Log the ratings that a recipe does not use."""
    for line in describe_ratings(
        data.utterances,
        name,
        takes_soft=can_use_soft_labels(estimator),
        regresses=can_regress(estimator),
    ):
        _log.info("%s", line)


def _fit_dimensions(rows: TrainingRows, data: Dataset, estimator: Any) -> DimensionRegressor | None:
    """Regression of the dimensions that the data have."""
    if rows.dimensions is None or not can_regress(estimator):
        return None
    from voxaffect.training.dimensions import fit_dimensions

    return fit_dimensions(rows, choose_columns(data.spec, data.matrix.shape[1]))


def _measure(
    result: TrainingResult, parts: _Parts, *, test_size: float, seed: int, recipe: str
) -> TrainingResult:
    """Result with scores, and its model with a card that states them."""
    data, estimator, has_emotions = result.data, parts.estimator, result.data.has_emotions
    holdout, scores = None, dict[str, Any]()
    if has_emotions:
        holdout = hold_out(estimator, data, test_size=test_size, seed=seed)
        once = {key: {"mean": value, "sd": 0.0} for key, value in asdict(holdout.scores).items()}
        scores[f"random {test_size:.0%}, seed {seed}"] = once
    abstention: Mapping[str, float] = {}
    new_speakers, unmeasured = None, ""

    def run(protocol: str) -> Evaluation:
        return evaluate_estimator(
            estimator,
            data.matrix,
            data.utterances,
            protocol=protocol,
            copies=data.copies,
            seed=seed,
        )

    try:
        new_speakers = run("speakers")
        if has_emotions:
            scores["speakers"] = new_speakers.summary
            abstention = new_speakers.risk_coverage.select_threshold(WANTED_RISK)
        if (
            has_emotions
            and len({utterance.corpus for utterance in data.utterances}) >= LEAST_CORPORA
        ):
            new_corpora = run("corpora")
            scores["corpora"] = new_corpora.summary
            abstention = _choose_threshold(new_corpora, new_speakers)
    except EvaluationError as error:
        unmeasured = "" if new_speakers else str(error)
    dimension_scores = {} if new_speakers is None else new_speakers.dimension_scores
    model = export(
        parts.fitted,
        data,
        recipe=recipe,
        seed=seed,
        scores=scores,
        abstention=abstention,
        regressor=parts.regressor,
        dimension_scores={
            name: {"ccc": one.ccc, "absolute_error": one.absolute_error}
            for name, one in dimension_scores.items()
        },
    )
    return TrainingResult(model, data, holdout, new_speakers, unmeasured)


def _choose_threshold(new_corpora: Evaluation, new_speakers: Evaluation) -> dict[str, float]:
    """Threshold of the confidence on corpora that were left out, and its effect on speakers.

    A user's recordings are an unseen corpus, so that promise comes first. Corpora count alike,
    because the next one may be like any of them.
    """
    counts = [len(fold.probabilities) for fold in new_corpora.folds]
    weights = np.repeat([1 / count for count in counts], counts)
    curve = compute_risk_coverage(
        new_corpora.probabilities, new_corpora.truth, new_corpora.emotions, weights
    )
    chosen = curve.select_threshold(WANTED_RISK)
    is_certain = new_speakers.probabilities.max(axis=1) >= chosen["threshold"]
    is_wrong = new_speakers.predicted != new_speakers.truth
    return {
        **chosen,
        "speakers_risk": float(is_wrong[is_certain].mean()) if is_certain.any() else 0.0,
        "speakers_coverage": float(is_certain.mean()),
    }


def evaluate(
    corpora: Corpora,
    recipes: str | Recipe | Sequence[str | Recipe] = (),
    *,
    model: Models | None = None,
    predictions: Files | None = None,
    prediction_columns: Mapping[str, str] | None = None,
    allow_missing: bool = False,
    protocol: str | Protocol | None = None,
    conditions: Sequence[str] = (),
    features: str | None = None,
    emotions: Sequence[str] | str | None = None,
    augment: bool = True,
    babble: float | None = None,
    seed: int = DEFAULT_SEED,
    reference_split: bool = True,
    importance: bool = False,
    allow_leaks: bool = False,
    **options: Unpack[LoadOptions],
) -> Study:
    r"""Evaluate recipes on corpora by a protocol, or finished models, or predictions.

    Parameters
    ----------
    corpora : str, sequence of str, or mapping of str to path
        As for `load_dataset`.
    recipes : str, Recipe, or sequence of them
        By default the recipe advised for the features; for the protocol ``tutorial``, the
        recipes ``tutorial`` and ``mlp``.
    model : Model, str or Path, or sequence of them, optional
        Finished models to test instead, their files, or the names of bundled ones.
        Nothing is trained: recipes, protocol, features, augment, babble and the reference split
        do not apply. A corpus that a model was trained on is refused, unless leaks are allowed.
    predictions : str or Path, or sequence of them, optional
        Files of the predictions of any systems to test instead: CSV, JSON, JSON Lines or Parquet.
        Each row has a path or file name, and an emotion, or a probability for each emotion in
        columns such as ``p_angry``, or both, or dimensions such as ``arousal``; and ``fold``,
        where the protocol tests a recording in several folds. Nothing is trained: of the options,
        ``protocol``, ``emotions``, ``seed``, ``allow_leaks`` and those on reading corpora apply.
    prediction_columns : mapping of str to str, optional
        These files' name for ``path``, ``emotion``, ``start``, ``end``, ``fold`` or ``system``.
    allow_missing : bool
        Leave out recordings without a prediction, which are refused otherwise.
    protocol : str or Protocol, optional
        One of ``PROTOCOLS``, or as `read_split` gives it. By default ``speakers``; of predictions,
        all recordings are one fold.
    conditions : sequence of str
        Degraded audio to test under, too, such as ``noise 10 dB``.
    features, augment, babble
        As for `train`.
    emotions : sequence of str, optional
        Keep these only; by default those of the protocol, which are mostly all. "all" keeps all.
    seed : int
    reference_split : bool
        Whether to run a random split too, for comparison with folds of new speakers, or the
        other way round.
    importance : bool
        Whether to compute the permutation importance of the feature groups.
    allow_leaks : bool
        Go on though something is on both sides of a fold; it is reported all the same.
    **options
        As for `load_dataset`.

    Returns
    -------
    Study
        Its ``report`` writes tables, figures and a web page; ``failures`` lists the recordings
        that could not be used.

    Raises
    ------
    CorpusError, TrainingError, EvaluationError
        If a corpus cannot be read, the protocol cannot be filled with its utterances, or the
        predictions do not fit the recordings.

    Examples
    --------
    >>> study = va.evaluate({"folder": "my_recordings"}, "logistic", protocol="loso")
    >>> study.protocol.name, len(study.utterances)
    ('loso', 12)
    >>> va.evaluate({"folder": "my_recordings"}, model="fast").protocol.name
    'model'
    >>> rows = [f"{path},happy" for path in Path("my_recordings").rglob("*.wav")]
    >>> _ = Path("answers.csv").write_text("\n".join(["path,emotion", *rows]))
    >>> study = va.evaluate({"folder": "my_recordings"}, predictions="answers.csv")
    >>> study.systems["answers.csv"].evaluations["predictions"].uar
    0.5
    >>> study
    Study(predictions; 12 utterances; answers.csv: UAR 0.500 [0.500, 0.500])
    """
    check_seed(seed)
    conditions = check_conditions(conditions)
    if predictions is not None:
        if model is not None:
            raise EvaluationError("model and predictions: one of them. Evaluate twice.")
        reading: dict[str, Any] = {
            name: options.get(name) for name in ("layout", "labels", "columns", "name")
        }
        return evaluate_predictions(
            corpora,
            predictions,
            protocol=protocol,
            prediction_columns=prediction_columns,
            allow_missing=allow_missing,
            allow_leaks=allow_leaks,
            emotions=emotions,
            seed=seed,
            options=ReadOptions(**reading),
        )
    if model is not None:
        return evaluate_models(
            corpora,
            model,
            conditions=conditions,
            emotions=emotions,
            seed=seed,
            importance=importance,
            allow_leaks=allow_leaks,
            **options,
        )
    by = protocol if isinstance(protocol, Protocol) else get_protocol(protocol or _PROTOCOL)
    if isinstance(recipes, str | Recipe):
        recipes = [recipes]
    if not recipes and not features and by.name == "tutorial":
        recipes = ["tutorial", "mlp"]
    chosen = [choose_recipe(recipe, features) for recipe in recipes or (None,)]
    systems, failures = _load_systems(
        corpora,
        chosen,
        conditions,
        features=features,
        emotions=by.emotions if emotions is None else emotions,
        augment=augment,
        babble=babble,
        seed=seed,
        **options,
    )
    if by.name in ("cross", "corpora") and (
        line := describe_common_emotions(next(iter(systems.values())).data.utterances)
    ):
        _log.info("%s: %s; if two words mean the same, map one with labels", by.name, line)
    with _log_failures_on_error(failures):
        study = evaluate_systems(
            systems,
            protocol=by,
            seed=seed,
            reference_split=reference_split,
            importance=importance,
            workers=options.get("workers"),
            allow_leaks=allow_leaks,
            progress=options.get("progress", False),
        )
    return replace(study, failures=failures)


def _load_systems(
    corpora: Corpora, recipes: Sequence[Recipe], conditions: Sequence[str], **options: Any
) -> tuple[dict[str, System], tuple[Failure, ...]]:
    """Recipes with their features, on the utterances that all of them could use."""
    estimators = {recipe.name: recipe.build(options["seed"]) for recipe in recipes}
    datasets: dict[tuple[Any, ...], dict[str, Dataset]] = {}
    for recipe in recipes:
        key = _data_key(recipe)
        if key not in datasets:
            rate_hz = get_rate_hz(options["features"] or recipe.features)
            load = partial(_load_recipe_data, corpora, recipe, **options)
            datasets[key] = load_conditions(load, conditions, rate_hz=rate_hz)
    everything = [data for by_condition in datasets.values() for data in by_condition.values()]
    common = find_common(everything)
    systems = {}
    for recipe in recipes:
        rows = {name: data.select(common) for name, data in datasets[_data_key(recipe)].items()}
        clean = rows.pop(CLEAN)
        matrices = {name: data.matrix for name, data in rows.items()}
        attach_inputs(estimators[recipe.name], [clean, *rows.values()])
        _note_unused(clean, recipe.name, estimators[recipe.name])
        summary = _summarize(recipe, clean)
        systems[recipe.name] = System(estimators[recipe.name], clean, matrices, summary)
    return systems, list_failures(everything)


def _summarize(recipe: Recipe, data: Dataset) -> str:
    """Summary of a recipe on data, with the augmented copies that it is trained on."""
    summary = recipe.summary if data.has_emotions else _REGRESSION.format(recipe.name)
    if recipe.augmentation is None:
        return summary
    count = 0 if data.copies is None or data.augmentation is None else data.augmentation.copies
    if not count:
        return f"{summary}; trained without augmented copies"
    return f"{summary}; trained on {count} augmented copies of each recording, too"


def _load_recipe_data(
    corpora: Corpora, recipe: Recipe, transform: Transform | None, **options: Any
) -> Dataset:
    """Dataset of a recipe; degraded recordings are tested only, so they get no copies."""
    augment = options.pop("augment") and transform is None
    return load_training_data(corpora, recipe, transform=transform, augment=augment, **options)


def _data_key(recipe: Recipe) -> tuple[Any, ...]:
    return (
        recipe.features,
        recipe.groups,
        recipe.encoder,
        recipe.augmentation,
        recipe.is_finetuned,
    )


@contextmanager
def _log_failures_on_error(failures: Sequence[Failure]) -> Iterator[None]:
    """List the recordings that could not be used if an error ends the work."""
    try:
        yield
    except VoxaffectError:
        for failure in failures:
            _log.info("failed: %s", failure.reason)
        raise
