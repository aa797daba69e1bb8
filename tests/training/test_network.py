"""The network learns, its graph computes what it computed, and a seed decides it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from support.lazy import Lazy, skip_without

from voxaffect.features.affect.logmel import BANDS, MAX_FRAMES, MIN_FRAMES, flatten_logmel

pytestmark = skip_without("torch")
torch, net = Lazy("torch"), Lazy("voxaffect.training.network")
Array = NDArray[np.float32]


def make_plan() -> net.Plan:
    return net.Plan(
        channels=(4, 6, 8, 8, 16), passes=12, batch=16, masked_bands=4, dropout=0.1, averaging=0.9
    )


def toy(count: int, seed: int) -> tuple[list[Array], NDArray[np.int64]]:
    """Noise with a bar in low, middle or high bands, of varied length."""
    rng = np.random.default_rng(seed)
    emotions = np.arange(count) % 3
    pictures = []
    for emotion in emotions:
        picture = rng.standard_normal((rng.integers(20, 60), BANDS)).astype(np.float32)
        picture[:, 8 + 20 * emotion : 18 + 20 * emotion] += 1.5
        pictures.append(picture)
    return pictures, emotions


def run(members: list[net.Weights], picture: Array, *, is_half: bool = False) -> Array:
    content = net.to_graph(members, is_half=is_half).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.log(np.asarray(session.run(None, {"features": flatten_logmel(picture)[None]})[0]))


@pytest.fixture(scope="module")
def trained() -> dict[str, Array]:
    pictures, emotions = toy(96, seed=0)
    return net.fit_weights(pictures, emotions, utterances=np.arange(96), seed=0, plan=make_plan())


def test_shares_are_learned_as_they_are() -> None:
    pictures, _ = toy(48, seed=1)
    shares = np.tile([0.6, 0.3, 0.1], (48, 1))
    plan = replace(make_plan(), smoothing=0.0, passes=20)
    weights = net.fit_weights(pictures, shares, utterances=np.arange(48), seed=0, plan=plan)
    assert np.exp(run([weights], pictures[0]))[0] == pytest.approx(shares[0], abs=0.1)


def test_certain_shares_have_the_loss_of_the_emotions() -> None:
    logits, emotions = torch.randn(9, 3), torch.tensor([0, 0, 0, 0, 0, 1, 1, 2, 2])
    weight = net._emotion_weights(emotions.numpy())
    shares = torch.eye(3)[emotions]
    assert net._emotion_weights(shares.numpy()).tolist() == weight.tolist()
    loss = net._Loss(weight, 0.0)
    assert float(loss(logits, shares)) == pytest.approx(float(loss(logits, emotions)), abs=1e-6)


def random_network(bands: int, emotions: int) -> net._Network:
    """An untrained network whose batch statistics are not those of initialization."""
    torch.manual_seed(0)
    mean, scale = np.full(bands, 0.3, np.float32), np.full(bands, 0.7, np.float32)
    network = net._Network(mean, scale, emotions, net.Plan())
    for norm in network.norms:
        torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
        torch.nn.init.normal_(norm.bias)
    return network.eval()


def test_it_learns_a_toy_problem(trained: dict[str, Array]) -> None:
    pictures, emotions = toy(60, seed=1)
    guesses = [run([trained], picture).argmax() for picture in pictures]
    assert np.mean(np.array(guesses) == emotions) > 0.9


@pytest.mark.parametrize("frames", [MIN_FRAMES, 50, 117, MAX_FRAMES])
def test_the_graph_equals_torch_at_any_length(frames: int) -> None:
    network = random_network(BANDS, 8)
    picture = np.random.default_rng(2).standard_normal((frames, BANDS)).astype(np.float32)
    with torch.no_grad():
        expected = torch.log_softmax(network(torch.from_numpy(picture[None])), dim=1).numpy()
    np.testing.assert_allclose(run([net._fold_norms(network)], picture), expected, atol=1e-5)


def test_a_picture_is_colored_by_one_curve_over_its_bands() -> None:
    picture = toy(1, seed=3)[0][0]
    curves = []
    for seed in range(200):
        found = net._tilt_spectrum(picture, np.random.default_rng(seed), net.Plan(tilt_bels=0.3))
        curve = found[0] - picture[0]
        np.testing.assert_allclose(found - picture, np.tile(curve, (len(picture), 1)), atol=1e-5)
        curves.append(curve)
    assert np.std(np.array(curves)[:, [0, -1]]) == pytest.approx(0.3, rel=0.15)
    assert np.abs(np.mean(curves, axis=0)).max() < 0.1
    plain = net._tilt_spectrum(picture, np.random.default_rng(0), net.Plan(tilt_bels=0))
    np.testing.assert_array_equal(plain, picture)


def test_half_precision_changes_log_probabilities_little(trained: dict[str, Array]) -> None:
    picture = toy(1, seed=3)[0][0]
    np.testing.assert_allclose(
        run([trained], picture, is_half=True), run([trained], picture), atol=0.02
    )


def test_half_precision_halves_the_file() -> None:
    weights = net._fold_norms(random_network(BANDS, 8))
    size = net.to_graph([weights]).ByteSize()
    assert size < 0.55 * net.to_graph([weights], is_half=False).ByteSize()
    assert size < 600_000


def test_members_are_averaged_in_log_probability(trained: dict[str, Array]) -> None:
    pictures, emotions = toy(48, seed=4)
    other = net.fit_weights(pictures, emotions, utterances=np.arange(48), seed=1, plan=make_plan())
    picture = pictures[0]
    mean = (run([trained], picture) + run([other], picture)) / 2
    expected = mean - np.log(np.exp(mean).sum())
    np.testing.assert_allclose(run([trained, other], picture), expected, atol=1e-5)


@pytest.mark.parametrize(("seed", "is_same"), [(5, True), (6, False)])
def test_the_seed_decides_the_weights(seed: int, is_same: bool) -> None:
    pictures, emotions = toy(48, seed=4)
    plan = net.Plan(channels=(4, 4, 4, 4, 4), passes=2, batch=16)
    # Another use of torch's global stream must not matter.
    first = net.fit_weights(pictures, emotions, utterances=np.arange(48), seed=5, plan=plan)
    torch.rand(3)
    other = net.fit_weights(pictures, emotions, utterances=np.arange(48), seed=seed, plan=plan)
    assert all(np.array_equal(first[key], other[key]) for key in first) == is_same


def test_training_leaves_torchs_random_state_alone() -> None:
    pictures, emotions = toy(16, seed=4)
    before = torch.random.get_rng_state()
    plan = net.Plan(channels=(4, 4, 4, 4, 4), passes=1, batch=8)
    net.fit_weights(pictures, emotions, utterances=np.arange(16), seed=0, plan=plan)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_pass_draws_one_copy_of_each_utterance() -> None:
    pictures = toy(32, seed=4)[0]
    numbers = np.repeat(np.arange(16), 2)
    source = net._Source(pictures, np.arange(32), numbers)
    plan = net.Plan(batch=8)
    batches = net._batches(source, np.random.default_rng(0), plan)
    drawn = np.concatenate([next(batches)[1].numpy() for _ in range(2)])
    np.testing.assert_array_equal(np.sort(numbers[drawn]), np.arange(16))
