"""Fine-tuning: it begins where the frozen encoder ends, learns, and leaves alone what is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from support.encoders import HEADS, LAYERS, MEL_BANDS, WIDTH, make_small_arrays
from support.lazy import Lazy, skip_without
from threadpoolctl import threadpool_limits

from voxaffect.features.encoders import Encoder
from voxaffect.training.encoders import EncoderWeights
from voxaffect.training.encoders.whisper_graph import make_whisper_graph
from voxaffect.training.estimators import BalancedLogistic

pytestmark = skip_without("torch")
torch, finetuning = Lazy("torch"), Lazy("voxaffect.training.encoders.finetuning")
USED = (1, 2)
LogMels = list[NDArray[np.float32]]


def make_weights() -> EncoderWeights:
    return EncoderWeights(
        make_small_arrays(), HEADS, MEL_BANDS, WIDTH, LAYERS, "small", "0" * 64, "none"
    )


def make_toy(count: int, seed: int) -> tuple[LogMels, NDArray[np.intp]]:
    """Two sounds in either order, of varied length: means over time hardly differ."""
    random = np.random.default_rng(seed)
    emotions = np.arange(count) % 2
    logmels = []
    for emotion in emotions:
        frames = 2 * int(random.integers(12, 25))
        logmel = 0.5 * random.standard_normal((frames, MEL_BANDS)).astype(np.float32)
        first, second = (slice(0, 4), slice(4, 8))[:: 1 if emotion else -1]
        logmel[: frames // 2, first] += 0.5
        logmel[frames // 2 :, second] += 0.5
        logmels.append(logmel)
    return logmels, emotions


def make_encoder(weights: EncoderWeights) -> Encoder:
    graph = make_whisper_graph(weights.arrays, heads=weights.heads, layers=USED)
    return Encoder(graph.SerializeToString(), tuple(map(str, USED)))


def encode(weights: EncoderWeights, logmels: LogMels) -> NDArray[np.float32]:
    encoder = make_encoder(weights)
    return np.array([encoder.encode_logmel(logmel.T) for logmel in logmels])


def fit(weights: EncoderWeights, logmels: LogMels, emotions: NDArray[np.intp]) -> BalancedLogistic:
    return BalancedLogistic(penalty_c=0.01, groups=1).fit(encode(weights, logmels), emotions)


@cache
def fit_start(count: int = 2) -> BalancedLogistic:
    """Regression on the frozen encoder."""
    logmels, emotions = make_toy(64, seed=1)
    return fit(make_weights(), logmels, emotions if count == 2 else np.arange(64) % count)


def make_plan(passes: int = 20) -> finetuning.FinetuningPlan:
    return finetuning.FinetuningPlan(
        trained_layers=1,
        rate=3e-3,
        head_rate=3e-3,
        passes=passes,
        averaging=0.9,
        masks=0,
        smoothing=0,
    )


def train(plan: finetuning.FinetuningPlan, seed: int = 0) -> EncoderWeights:
    logmels, emotions = make_toy(64, seed=1)
    data = finetuning.FinetuningData(logmels, emotions, np.arange(64), np.ones(64))
    return finetuning.finetune(make_weights(), fit_start(), data, layers=USED, seed=seed, plan=plan)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small products are slower in several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained() -> EncoderWeights:
    return train(make_plan())


@pytest.mark.parametrize("count", [2, 3])
def test_before_the_first_step_it_equals_the_regression_on_the_frozen_encoder(count: int) -> None:
    logmels, start = make_toy(30, seed=2)[0], fit_start(count)
    network = finetuning.EncoderNetwork(make_weights(), USED, start)
    with torch.no_grad():
        logits = network(*finetuning.pad_logmels(logmels))
    expected = start.predict_proba(encode(make_weights(), logmels))
    np.testing.assert_allclose(torch.softmax(logits, dim=1).numpy(), expected, atol=2e-3)


def test_padding_behind_a_log_mel_changes_nothing() -> None:
    logmels = make_toy(12, seed=3)[0]
    network = finetuning.EncoderNetwork(make_weights(), USED, fit_start())
    with torch.no_grad():
        together = network(*finetuning.pad_logmels(logmels))
        alone = [network(*finetuning.pad_logmels([logmel])) for logmel in logmels]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_the_loss_falls(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="voxaffect"):
        train(make_plan(passes=12))
    losses = [record.args[2] for record in caplog.records if "pass" in record.message]
    assert len(losses) == 12
    assert losses[-1] < 0.6 * losses[0]


def test_new_log_mels_are_classified_better_than_by_the_frozen_encoder(
    trained: EncoderWeights,
) -> None:
    logmels, emotions = make_toy(64, seed=1)
    tested, truth = make_toy(100, seed=4)
    accuracies = []
    for weights in (make_weights(), trained):
        classifier = fit(weights, logmels, emotions)
        accuracies.append(np.mean(classifier.predict(encode(weights, tested)) == truth))
    assert accuracies[1] > accuracies[0] + 0.2, accuracies


def test_frozen_parts_stay_bit_equal_and_the_others_change(trained: EncoderWeights) -> None:
    before = make_weights().arrays
    for name, array in trained.arrays.items():
        is_same = np.array_equal(array, before[name])
        assert is_same == (not name.startswith("blocks.1.")), name
    assert trained.layers == LAYERS


def test_lower_layers_learn_more_slowly() -> None:
    network = finetuning.EncoderNetwork(make_weights(), USED, fit_start())
    plan = finetuning.FinetuningPlan(trained_layers=5, rate=1e-3, layer_factor=0.5)
    rates = [group["lr"] for group in finetuning._group_parameters(network, plan)]
    assert rates == [plan.head_rate, 1e-3, 5e-4]


@pytest.mark.parametrize(("seed", "is_same"), [(0, True), (1, False)])
def test_the_seed_decides_the_weights(seed: int, is_same: bool) -> None:
    plan = finetuning.FinetuningPlan(passes=2)
    before = torch.random.get_rng_state()
    first = train(plan).arrays
    torch.testing.assert_close(torch.random.get_rng_state(), before)
    torch.rand(3)  # another use of PyTorch's own stream
    other = train(plan, seed).arrays
    assert all(np.array_equal(first[name], other[name]) for name in first) == is_same


def test_the_graph_of_the_trained_weights_equals_the_network(trained: EncoderWeights) -> None:
    logmels, emotions = make_toy(20, seed=5)
    start = fit(trained, logmels, emotions)
    network = finetuning.EncoderNetwork(trained, USED, start)
    states = []
    network.head.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    with torch.no_grad():
        logits = network(*finetuning.pad_logmels(logmels))
    # Convolutions and positions are kept as float16.
    np.testing.assert_allclose(encode(trained, logmels), states[0].numpy(), atol=5e-3)
    expected = start.predict_proba(encode(trained, logmels))
    np.testing.assert_allclose(torch.softmax(logits, dim=1).numpy(), expected, atol=5e-3)


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [finetuning._scale_rate(step / 100, 0.1, 0.01) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1)
    assert rates[-1] == pytest.approx(0)


def test_long_log_mels_are_cut_to_an_even_number_of_frames() -> None:
    logmel = np.zeros((41, MEL_BANDS))
    cut = finetuning._cut_frames(logmel, 25, np.random.default_rng(0))
    assert len(cut) == 24
