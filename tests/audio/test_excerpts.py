"""Parts of recordings are recordings of their own, down to cache, folds and leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, voice

from voxaffect.audio import Excerpt, digest_recording, read, read_recording
from voxaffect.corpora import ReadOptions, Utterance, read_corpus
from voxaffect.errors import AudioError
from voxaffect.evaluation.leaks import check_leaks
from voxaffect.evaluation.protocols import Fold, get_protocol
from voxaffect.evaluation.splits import identify_recording
from voxaffect.extraction import FeatureCache, extract
from voxaffect.features import get_feature_spec
from voxaffect.training import load_dataset

SPEC = get_feature_spec("classic", rate_hz=RATE_HZ)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Write a recording of five seconds in stereo."""
    path = tmp_path / "call.flac"
    sides = np.stack([voice(1, seconds=5), voice(2, seconds=5)], axis=1)
    soundfile.write(path, sides, RATE_HZ, subtype="PCM_16")
    return path


@pytest.mark.parametrize(
    ("start", "end"), [(0.0, 1.0), (1.5, 3.25), (1.9, 2.1), (4.0, None), (0.0, None), (3.0, 5.05)]
)
def test_an_excerpt_is_that_part_of_the_samples(
    call: Path, start: float, end: float | None
) -> None:
    whole = read(call).samples
    last = None if end is None else round(end * RATE_HZ)
    expected = whole[round(start * RATE_HZ) : last]
    part = read_recording(Excerpt(call, start, end))
    assert np.array_equal(part.samples, expected)


KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_32"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_S8"),
    ("AU", "PCM_16"),
    ("AU", "ALAW"),
    ("CAF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("WAV", "IMA_ADPCM"),
    ("CAF", "ALAC_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("container", "encoding"), KINDS)
def test_a_part_of_any_kind_is_a_slice_of_the_whole_to_the_bit(
    tmp_path: Path, container: str, encoding: str, channels: int
) -> None:
    path = tmp_path / "whole"
    sides = np.stack([voice(seed, seconds=5) for seed in range(channels)], axis=1)
    soundfile.write(path, sides, RATE_HZ, format=container, subtype=encoding)
    whole = read(path).samples
    for start, end in ((0.0, 0.5), (0.37, 0.81), (1.99, 4.01), (2.7501, 2.9), (4.5, None)):
        last = None if end is None else round(end * RATE_HZ)
        part = read_recording(Excerpt(path, start, end)).samples
        assert np.array_equal(part, whole[round(start * RATE_HZ) : last])


@pytest.mark.parametrize(("container", "encoding"), [("WAV", "PCM_16"), ("FLAC", "PCM_16")])
def test_a_part_is_found_without_decoding_what_is_before_it(
    tmp_path: Path, container: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "whole"
    soundfile.write(path, voice(1, seconds=20), RATE_HZ, format=container, subtype=encoding)
    counts = []
    decode = soundfile.SoundFile.read

    def count(file: soundfile.SoundFile, *arguments: object, **options: object) -> np.ndarray:
        block = decode(file, *arguments, **options)
        counts.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    read_recording(Excerpt(path, 17.0, 17.5))
    assert sum(counts) <= 2 * RATE_HZ


@pytest.mark.parametrize(("start", "end"), [(6.0, None), (6.0, 7.0), (4.0, 5.5)])
def test_an_excerpt_after_the_end_is_refused(call: Path, start: float, end: float | None) -> None:
    with pytest.raises(AudioError, match=r"call\.flac, . s to .*: the recording is 5 s long"):
        read_recording(Excerpt(call, start, end))


def test_a_whole_file_has_the_digest_that_it_always_had(call: Path) -> None:
    import hashlib

    assert digest_recording(call) == hashlib.sha256(call.read_bytes()).digest()


def test_parts_of_one_recording_do_not_share_a_place_in_the_cache(
    call: Path, tmp_path: Path
) -> None:
    parts = [Excerpt(call, 0, 1), Excerpt(call, 1, 2), call, Excerpt(call, 0, 2)]
    plain = extract(parts, SPEC).matrix
    assert len(np.unique(plain, axis=0)) == 4
    for _ in range(2):
        with FeatureCache(tmp_path / "features.sqlite") as cache:
            assert np.array_equal(extract(parts, SPEC, cache=cache).matrix, plain)


def test_a_part_that_cannot_be_used_is_that_parts_failure(call: Path) -> None:
    found = extract([Excerpt(call, 0, 1), Excerpt(call, 8, 9)], SPEC)
    assert found.kept.tolist() == [0]
    assert "8 s to 9 s: the recording is 5 s long" in found.failures[0].reason


def test_features_of_a_table_of_parts_are_those_of_cut_files(call: Path, tmp_path: Path) -> None:
    table = tmp_path / "parts.csv"
    table.write_text("file,start,end,emotion\ncall.flac,0.5,2,joy\ncall.flac,2,4,Trauer\n")
    data = load_dataset({"csv": table}, SPEC, cached=False, name="calls")
    samples = read(call).samples
    cut = [tmp_path / "1.wav", tmp_path / "2.wav"]
    soundfile.write(cut[0], samples[8_000:32_000], RATE_HZ, subtype="FLOAT")
    soundfile.write(cut[1], samples[32_000:64_000], RATE_HZ, subtype="FLOAT")
    assert np.array_equal(data.matrix, extract(cut, SPEC).matrix)
    assert data.emotions == ["happy", "sad"]
    summary = data.summary()["calls"]
    assert summary["labels"] == "Trauer as sad, joy as happy"


def _part(call: Path, start: float, end: float, speaker: str) -> Utterance:
    return Utterance(call, "csv", "sad", speaker, start_seconds=start, end_seconds=end)


def test_parts_of_one_recording_leak_only_if_they_are_one_part(call: Path) -> None:
    fold = Fold("1", np.array([0]), np.array([1]), 0)
    protocol = get_protocol("speakers")
    apart = [_part(call, 0, 1, "a"), _part(call, 1, 2, "b")]
    same = [_part(call, 0, 1, "a"), _part(call, 0, 1, "b")]
    assert not check_leaks(apart, [fold], protocol).leaks
    (leak,) = check_leaks(same, [fold], protocol).leaks
    assert leak.kind == "recording"
    assert len({identify_recording(utterance) for utterance in apart}) == 2


@pytest.mark.slow
def test_a_table_of_parts_is_trained_on_and_measured(call: Path, tmp_path: Path, run: Run) -> None:
    rows = [
        f"{call.name},{n * 0.5},{n * 0.5 + 0.5},{('joy', 'sad')[n % 2]},s{n // 4}\n"
        for n in range(8)
    ]
    table = tmp_path / "parts.csv"
    table.write_text("file,start,end,emotion,speaker\n" + "".join(rows))
    result = tmp_path / "result.json"
    command = ("evaluate", "csv", "--data", table, "--features", "classic", "--name", "calls")
    done = run(*command, "-o", result, "--save-split", tmp_path / "split.csv")
    assert done.code == 0, done.err
    assert "parts.csv: file as path" in done.err
    assert "labels: joy as happy" in done.err
    assert "calls: 8 utterances, 2 speakers" in done.err
    assert len((tmp_path / "split.csv").read_text().splitlines()) == 1 + 2 * 8
    assert run("compare", result, result, "--system", "mlp", "--system", "mlp").code == 0
    again = run(*command, "--split", tmp_path / "split.csv")
    assert again.code == 0, again.err


def test_a_map_applies_to_a_table_of_parts(call: Path, tmp_path: Path) -> None:
    table = tmp_path / "parts.csv"
    table.write_text(f"file,end,emotion\n{call.name},1,proud\n")
    (utterance,) = read_corpus("csv", table, ReadOptions(labels={"proud": "happy"}))
    assert (utterance.emotion, utterance.label) == ("happy", "proud")


def test_a_file_of_many_parts_is_digested_once_for_each_state(call: Path) -> None:
    from voxaffect.extraction.sources import compute_digest

    first = compute_digest(Excerpt(call, 0, 1))
    assert compute_digest(Excerpt(call, 0, 1)) == first
    assert compute_digest(Excerpt(call, 1, 2)) != first
    soundfile.write(call, voice(9, seconds=6), RATE_HZ, subtype="PCM_16")
    assert compute_digest(Excerpt(call, 0, 1)) != first


def test_a_file_that_changes_while_a_part_is_read_is_that_parts_failure(
    call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.extraction import sources

    def change(item: Excerpt, **how: object) -> object:
        signal = read_recording(item, **how)
        soundfile.write(call, voice(9, seconds=6), RATE_HZ, subtype="PCM_16")
        return signal

    monkeypatch.setattr(sources, "read_recording", change)
    found = extract([Excerpt(call, 0, 1)], SPEC, workers=1)
    assert "changed while it was read" in found.failures[0].reason
