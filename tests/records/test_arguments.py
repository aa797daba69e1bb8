"""An argument of a wrong kind is named in a line, by an error that Python's own handlers catch."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Trained, voice
from sklearn.exceptions import NotFittedError

import voxaffect as va
from voxaffect.errors import ArgumentError, AudioError, EvaluationError, VoxaffectError
from voxaffect.outputs.report import document, write_report
from voxaffect.records.arguments import check_list, check_number

EXAMPLE = (Path(va.__file__).parent / "data" / "example.wav").read_bytes()
CLOSED = io.BytesIO(EXAMPLE)
CLOSED.close()
SPEC = va.get_feature_spec("classic", groups=("chroma",), rate_hz=16_000)
SOUND = va.Signal(voice(0), 16_000, "voice")
ODD: tuple[Any, ...] = (
    None,
    "",
    "x",
    b"x",
    42,
    -1,
    True,
    float("nan"),
    float("inf"),
    10**400,
    [],
    {},
    [None],
    [1],
    ["x"],
    object(),
    CLOSED,
    Path("nowhere.wav"),
    np.array([1.0]),
    np.array("x"),
    slice(1),
    int,
)
CALLS: dict[str, Callable[[Any], object]] = {
    "predict": lambda odd: va.predict(odd),
    "predict rate_hz": lambda odd: va.predict(voice(0), rate_hz=odd),
    "predict model": lambda odd: va.predict(EXAMPLE, model=odd),
    "predict uncertain_below": lambda odd: va.predict(EXAMPLE, uncertain_below=odd),
    "predict_many": lambda odd: va.predict_many(odd, workers=1),
    "timeline": lambda odd: va.timeline(odd),
    "timeline window_seconds": lambda odd: va.timeline(EXAMPLE, window_seconds=odd),
    "timeline channels": lambda odd: va.timeline(EXAMPLE, channels=odd),
    "timeline vad": lambda odd: va.timeline(EXAMPLE, vad=odd),
    "timeline smoothing": lambda odd: va.timeline(EXAMPLE, smoothing=odd),
    "Smoothing": lambda odd: va.Smoothing(odd),
    "Stream rate_hz": lambda odd: va.Stream(rate_hz=odd),
    "Stream.push": lambda odd: va.Stream(rate_hz=16_000).push(odd),
    "read": lambda odd: va.read(odd),
    "compute_features signal": lambda odd: va.compute_features(odd, SPEC),
    "compute_features spec": lambda odd: va.compute_features(SOUND, odd),
    "compute_features samples": lambda odd: va.compute_features(
        va.Signal(odd, 16_000, "odd"), SPEC
    ),
    "get_feature_spec": lambda odd: va.get_feature_spec(odd),
    "get_feature_spec groups": lambda odd: va.get_feature_spec("classic", groups=odd),
    "get_feature_spec rate_hz": lambda odd: va.get_feature_spec("classic", rate_hz=odd),
    "extract": lambda odd: va.extract(odd, SPEC, workers=1),
    "extract spec": lambda odd: va.extract([], odd, workers=1),
    "extract workers": lambda odd: va.extract([], SPEC, workers=odd),
    "extract cache": lambda odd: va.extract([], SPEC, workers=1, cache=odd),
    "diagnose": lambda odd: va.diagnose(odd),
    "explain": lambda odd: va.explain(odd),
    "measure_adaptation": lambda odd: va.measure_adaptation(odd),
    "predict adapt": lambda odd: va.predict(EXAMPLE, adapt=odd),
    "predict_many adapt": lambda odd: va.predict_many([EXAMPLE], adapt=odd),
    "timeline adapt": lambda odd: va.timeline(EXAMPLE, adapt=odd),
    "Stream adapt": lambda odd: va.Stream(rate_hz=16_000, adapt=odd),
    "load": lambda odd: va.load(odd),
    "Model": lambda odd: va.Model(odd),
    "probabilities": lambda odd: va.load().probabilities(odd),
    "FeatureExtractor": lambda odd: va.FeatureExtractor(odd).fit([]),
    "transform": lambda odd: va.FeatureExtractor("classic").fit([]).transform(odd),
    "load_dataset": lambda odd: va.load_dataset(odd, SPEC),
    "load_dataset spec": lambda odd: va.load_dataset(["folder"], odd),
    "augment_dataset": lambda odd: va.augment_dataset(odd, odd, seed=0),
    "recipe": lambda odd: va.make_estimator(odd),
    "recipe seed": lambda odd: va.make_estimator("mlp", odd),
    "fit": lambda odd: va.fit(va.make_estimator("mlp"), odd),
    "evaluate": lambda odd: va.evaluate_estimator(
        va.make_estimator("mlp"), odd, [], protocol="speakers"
    ),
    "evaluate estimator": lambda odd: va.evaluate_estimator(
        odd, np.ones((0, 1)), [], protocol="speakers"
    ),
    "evaluate utterances": lambda odd: va.evaluate_estimator(
        va.make_estimator("mlp"), np.ones((2, 1)), odd, protocol="speakers"
    ),
    "evaluate protocol": lambda odd: va.evaluate_estimator(
        va.make_estimator("mlp"), np.ones((0, 1)), [], protocol=odd
    ),
    "study": lambda odd: va.evaluate_systems(odd, protocol="speakers"),
    "document": lambda odd: document(odd),
    "write_report": lambda odd: write_report(odd, "nowhere"),
    "read_split": lambda odd: va.read_split(odd),
    "Utterance": lambda odd: va.Utterance(odd, "mine", "sad"),
    "Utterance emotion": lambda odd: va.Utterance("a.wav", "mine", odd),  # type: ignore[arg-type]
    "load_data": lambda odd: va.load_data(odd),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_argument_of_a_wrong_kind_is_accepted_or_refused_in_a_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for odd in ODD:
        try:
            CALLS[name](odd)
        except VoxaffectError as error:
            assert "\n" not in str(error), (name, odd)  # noqa: PT017
            assert len(str(error)) < 600, (name, odd)  # noqa: PT017


def test_an_error_of_kinds_is_one_of_python_too() -> None:
    with pytest.raises(TypeError, match=r"spec: expected a FeatureSpec, .* found str 'classic'"):
        va.compute_features(SOUND, "classic")  # type: ignore[arg-type]
    message = "adapt: expected .* what measure_adaptation gives, found int"
    with pytest.raises(ValueError, match=message):
        va.predict(EXAMPLE, adapt=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(1), 0, 1.0])
def test_numbers_of_numpy_are_numbers(value: Any) -> None:
    check_number(value, "x")
    assert va.predict(EXAMPLE, uncertain_below=value).emotion


@pytest.mark.parametrize("values", ["a.wav", b"a.wav", Path("a.wav")])
def test_one_path_is_no_sequence_of_paths(values: Any) -> None:
    with pytest.raises(ArgumentError, match=r"found one\. Put it in a list"):
        check_list(values, "paths", "paths of recordings")
    with pytest.raises(VoxaffectError, match="Put it in a list"):
        va.predict_many(values)


def test_a_generator_is_a_sequence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(EXAMPLE)
    assert len(va.extract((p for p in [path]), SPEC, workers=1).matrix) == 1  # type: ignore[arg-type]
    extractor = va.FeatureExtractor("classic").fit([])
    assert extractor.transform(p for p in [str(path)]).shape == (1, 180)  # type: ignore[arg-type]


def test_a_transformer_that_is_not_fitted_says_so_as_scikit_learn_does() -> None:
    with pytest.raises(NotFittedError, match="FeatureExtractor instance is not fitted yet"):
        va.FeatureExtractor("classic").transform([])
    with pytest.raises(NotFittedError):
        va.FeatureExtractor("classic").get_feature_names_out()


def test_a_path_of_an_utterance_may_be_text() -> None:
    assert va.Utterance("a.wav", "mine", "sad").path == Path("a.wav")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["SPEAKERS", "Speakers"])
def test_a_protocol_is_known_in_any_case(name: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        va.evaluate_estimator(va.make_estimator("mlp"), np.ones((0, 1)), [], protocol=name)
    assert "no protocol named" not in str(raised.value)


@pytest.mark.slow
def test_a_study_is_written_as_a_report(trained: Trained, tmp_path: Path) -> None:
    estimator = va.make_estimator("logistic")
    systems = {"a": va.System(estimator, trained.data)}
    made = va.evaluate_systems(systems, protocol="speakers", reference_split=False, workers=1)
    paths = write_report(made, tmp_path / "report")
    assert paths[-1].name == "report.html"


def test_a_name_guessed_wrong_is_answered_with_the_right_one() -> None:
    prediction, model = va.predict(EXAMPLE), va.load()
    with pytest.raises(AttributeError, match=r"no attribute 'certainty'\. Use confidence"):
        prediction.certainty  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'predict'\. Use voxaffect\.predict"):
        model.predict  # type: ignore[attr-defined]  # noqa: B018
    (line,) = va.timeline(EXAMPLE)
    with pytest.raises(AttributeError, match=r"no attribute 'probability'\. Use confidence"):
        line.segments[0].probability  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(prediction, "nothing")
    with pytest.raises(AudioError, match="For several recordings, use predict_many"):
        va.predict(["a.wav", "b.wav"])  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(prediction)) == prediction


# A stream and threads.


@pytest.mark.slow
def test_a_stream_used_by_two_threads_at_once_is_refused() -> None:
    stream = va.Stream(rate_hz=16_000)
    errors: list[Exception] = []

    def push() -> None:
        for _ in range(20):
            try:
                stream.push(np.tile(voice(1), 4))
            except AudioError as error:
                errors.append(error)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors
    assert all("two threads use it at once" in str(error) for error in errors)
    assert stream.finish() is not None


def test_a_stream_may_be_handed_from_thread_to_thread() -> None:
    sound = np.tile(voice(1), 8)
    one, other = va.Stream(rate_hz=16_000), va.Stream(rate_hz=16_000)
    expected = [*one.push(sound), *one.push(sound), *one.finish()]
    found: list[Any] = []
    for act in (lambda: other.push(sound), lambda: other.push(sound), other.finish):
        thread = threading.Thread(target=lambda act=act: found.extend(act()))  # type: ignore[misc]
        thread.start()
        thread.join()
    assert [repr(event) for event in found] == [repr(event) for event in expected]
