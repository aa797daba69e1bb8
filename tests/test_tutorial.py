"""The tutorial's own names do what the tutorial does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from sklearn.model_selection import train_test_split

import voxaffect as va
from voxaffect import tutorial
from voxaffect.audio import Signal, read
from voxaffect.errors import AudioError, CorpusError, EvaluationError, FeatureError, TrainingError
from voxaffect.features import compute_features, get_feature_spec
from voxaffect.tutorial import emotions, extract_feature, load_data, observed_emotions

QUIET = {"progress": False, "cached": False}


def test_the_emotions_are_those_of_ravdess() -> None:
    assert emotions == {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
        "07": "disgust",
        "08": "surprised",
    }
    assert observed_emotions == ["calm", "happy", "fearful", "disgust"]


@pytest.mark.parametrize(
    ("wanted", "length"),
    [
        ((True, True, True), 180),
        ((True, False, False), 40),
        ((False, True, False), 12),
        ((False, False, True), 128),
        ((True, False, True), 168),
        ((False, True, True), 140),
    ],
)
def test_features_are_chosen_by_the_tutorials_booleans(
    recordings: list[Path], wanted: tuple[bool, bool, bool], length: int
) -> None:
    mfcc, chroma, mel = wanted
    by_place = extract_feature(str(recordings[0]), mfcc, chroma, mel)
    by_name = extract_feature(recordings[0], mfcc=mfcc, chroma=chroma, mel=mel)
    assert by_place.shape == (length,)
    assert np.array_equal(by_place, by_name)
    whole = extract_feature(recordings[0])
    parts = [whole[:40], whole[40:52], whole[52:]]
    kept = [part for part, is_on in zip(parts, wanted, strict=True) if is_on]
    assert np.array_equal(by_place, np.concatenate(kept))


def test_features_are_those_of_classic_at_the_files_own_rate(recordings: list[Path]) -> None:
    expected = compute_features(read(recordings[0]), get_feature_spec("classic"))
    found = extract_feature(recordings[0], mfcc=True, chroma=True, mel=True)
    assert np.array_equal(found, expected)


def test_path_bytes_stream_and_array_have_the_same_features(
    recordings: list[Path], signal: Signal
) -> None:
    content = recordings[0].read_bytes()
    sound = read(content)
    found = [
        extract_feature(recordings[0]),
        extract_feature(content),
        extract_feature(io.BytesIO(content)),
        extract_feature(sound),
        extract_feature(sound.samples, rate_hz=sound.rate_hz),
    ]
    assert len({vector.tobytes() for vector in found}) == 1
    assert not np.array_equal(found[0], extract_feature(signal))  # another recording


def test_no_feature_at_all_is_refused(recordings: list[Path]) -> None:
    with pytest.raises(FeatureError, match=r"expected some of mfcc, chroma, mel, .*; found none"):
        extract_feature(recordings[0], False, False, False)


def test_a_file_that_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"words")
    with pytest.raises(AudioError, match=r"a\.wav: not readable as audio"):
        extract_feature(tmp_path / "a.wav", mfcc=True, chroma=True, mel=True)


def test_a_quarter_is_held_out(small_ravdess: Path) -> None:
    x_train, x_test, y_train, y_test = load_data(0.25, root=small_ravdess, **QUIET)
    assert (x_train.shape, x_test.shape) == ((48, 180), (16, 180))
    assert (len(y_train), len(y_test)) == (48, 16)
    assert all(type(emotion) is str for emotion in y_train + y_test)
    assert set(y_train) | set(y_test) == set(observed_emotions)


@pytest.mark.parametrize("seed", [9, 3])
def test_the_split_is_scikit_learns(small_ravdess: Path, seed: int) -> None:
    paths = sorted(small_ravdess.glob("Actor_*/*.wav"))
    x = np.array([extract_feature(path) for path in paths])
    y = [emotions[path.name.split("-")[2]] for path in paths]
    expected = train_test_split(x, y, test_size=0.25, random_state=seed)
    found = load_data(test_size=0.25, root=small_ravdess, seed=seed, **QUIET)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert found[2:] == tuple(expected[2:])


def test_the_seed_is_the_tutorials_unless_given(small_ravdess: Path) -> None:
    default = load_data(root=small_ravdess, **QUIET)
    assert np.array_equal(default[0], load_data(root=small_ravdess, seed=9, **QUIET)[0])
    assert not np.array_equal(default[0], load_data(root=small_ravdess, seed=1, **QUIET)[0])


@pytest.mark.parametrize("observed", [["happy", "disgust"], ("calm", "fearful", "happy"), None])
def test_only_the_observed_emotions_are_kept(
    small_ravdess: Path, observed: list[str] | None
) -> None:
    found = load_data(root=small_ravdess, observed=observed, **QUIET)
    assert set(found[2]) | set(found[3]) == set(observed or observed_emotions)
    assert len(found[2]) + len(found[3]) == 16 * len(observed or observed_emotions)


def test_none_observes_what_is_beyond_the_four(small_ravdess: Path) -> None:
    calm = small_ravdess / "Actor_01" / "03-01-02-01-01-01-01.wav"
    calm.rename(calm.with_name("03-01-08-01-01-01-01.wav"))
    found = load_data(root=small_ravdess, observed=None, **QUIET)
    assert "surprised" in found[2] + found[3]
    four = load_data(root=small_ravdess, **QUIET)
    assert "surprised" not in four[2] + four[3]


def test_ravdess_is_found_by_the_environment(
    small_ravdess: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXAFFECT_DATA", str(small_ravdess.parent))
    assert load_data(**QUIET)[0].shape == (48, 180)


def test_the_cache_changes_no_bit(small_ravdess: Path) -> None:
    found = [
        load_data(root=small_ravdess, progress=False, cached=cached)[0].tobytes()
        for cached in (False, True, True)
    ]
    assert len(set(found)) == 1


def test_progress_is_shown(small_ravdess: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_data(root=small_ravdess, cached=False)
    assert "64/64" in capsys.readouterr().err


def test_an_unknown_emotion_names_the_known_ones(small_ravdess: Path) -> None:
    with pytest.raises(
        TrainingError, match="no recording of 'hapy'; there are: calm, disgust, fearful, happy"
    ):
        load_data(root=small_ravdess, observed=["hapy", "calm"], **QUIET)


@pytest.mark.parametrize("test_size", [0.0, 1.0, -0.5, 1.5])
def test_a_side_that_would_be_empty_is_refused(small_ravdess: Path, test_size: float) -> None:
    with pytest.raises(EvaluationError, match=f"test_size {test_size}: expected a share between"):
        load_data(test_size, root=small_ravdess, **QUIET)


def test_a_share_that_leaves_a_side_empty_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(EvaluationError, match=r"cannot be split with a test share of 0\.999"):
        load_data(0.999, root=small_ravdess, **QUIET)


@pytest.mark.parametrize("test_size", ["abc", Path("ravdess"), None, True, float("nan"), [0.25]])
def test_what_is_no_share_is_refused_before_the_corpus_is_looked_for(test_size: object) -> None:
    with pytest.raises(EvaluationError, match=r"^test_size .*: expected a share between 0 and 1"):
        load_data(test_size, root="nowhere", **QUIET)  # type: ignore[arg-type]


def test_a_path_in_the_first_place_is_told_where_it_belongs(small_ravdess: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        load_data(str(small_ravdess))  # type: ignore[arg-type]
    assert f"load_data(root={str(small_ravdess)!r})" in str(caught.value)


# Its variables can be changed


@pytest.fixture
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the variables as they were."""
    monkeypatch.setattr(tutorial, "observed_emotions", list(observed_emotions))
    monkeypatch.setattr(tutorial, "_INITIAL", tutorial.observed_emotions)
    monkeypatch.setattr(tutorial, "emotions", dict(emotions))
    load = tutorial.load_data
    monkeypatch.setattr(
        load, "__kwdefaults__", {**load.__kwdefaults__, "observed": tutorial._INITIAL}
    )


def _seen(root: Path) -> set[str]:
    found = va.load_data(root=root, **QUIET)
    return {*found[2], *found[3]}


@pytest.mark.usefixtures("_as_it_was")
def test_observed_emotions_are_read_when_load_data_is_called(small_ravdess: Path) -> None:
    va.observed_emotions[:] = ["happy", "calm"]
    assert _seen(small_ravdess) == {"happy", "calm"}
    va.observed_emotions = ["disgust", "happy"]
    assert va.observed_emotions == tutorial.observed_emotions == ["disgust", "happy"]
    assert _seen(small_ravdess) == {"disgust", "happy"}
    tutorial.observed_emotions = ["calm", "fearful"]
    assert _seen(small_ravdess) == {"calm", "fearful"}
    va.observed_emotions.append("happy")
    assert _seen(small_ravdess) == {"calm", "fearful", "happy"}


@pytest.mark.usefixtures("_as_it_was")
def test_no_observed_emotion_is_named_as_the_fault(small_ravdess: Path) -> None:
    va.observed_emotions = []
    with pytest.raises(va.VoxaffectError, match="observed_emotions is empty"):
        va.load_data(root=small_ravdess, **QUIET)


@pytest.mark.usefixtures("_as_it_was")
def test_words_of_the_emotions_can_be_changed(small_ravdess: Path) -> None:
    va.emotions["03"] = "joy"
    assert "joy" in _seen(small_ravdess)
    va.emotions = {**va.emotions, "02": "neutral"}
    va.observed_emotions = ["neutral", "joy"]
    assert _seen(small_ravdess) == {"neutral", "joy"}


@pytest.mark.usefixtures("_as_it_was")
def test_a_code_without_a_word_is_refused(small_ravdess: Path) -> None:
    del va.emotions["08"]
    with pytest.raises(TrainingError, match="emotions has no entry for 08"):
        load_data(root=small_ravdess, **QUIET)


@pytest.mark.usefixtures("_as_it_was")
def test_a_word_in_place_of_a_list_is_refused(small_ravdess: Path) -> None:
    va.observed_emotions = "happy"
    with pytest.raises(TrainingError, match="observed_emotions 'happy': expected a list"):
        load_data(root=small_ravdess, **QUIET)


# As copies of the tutorial have it


@pytest.mark.parametrize(
    ("flags", "length"),
    [
        ({"mfcc": True}, 40),
        ({"chroma": True}, 12),
        ({"mel": True}, 128),
        ({}, 180),
        ({"mfcc": True, "contrast": True}, 47),
        ({"contrast": True}, 7),
        ({"tonnetz": True}, 6),
        ({"mfcc": True, "chroma": True, "mel": True, "contrast": True, "tonnetz": True}, 193),
    ],
    ids=str,
)
def test_what_is_not_named_is_off(
    recordings: list[Path], flags: dict[str, bool], length: int
) -> None:
    vector = extract_feature(recordings[0], **flags)
    assert vector.shape == (length,)
    by_place = [flags.get(name) for name in ("mfcc", "chroma", "mel", "contrast", "tonnetz")]
    assert np.array_equal(vector, extract_feature(recordings[0], *by_place))


def _published(path: Path, **wanted: bool) -> np.ndarray:
    """Compute what published copies of the tutorial compute, by librosa."""
    import librosa

    samples, rate_hz = soundfile.read(path, dtype="float32")
    stft = np.abs(librosa.stft(samples))
    harmonic = librosa.effects.harmonic(samples)
    of_group = {
        "mfcc": lambda: librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=40),
        "chroma": lambda: librosa.feature.chroma_stft(S=stft, sr=rate_hz),
        "mel": lambda: librosa.feature.melspectrogram(y=samples, sr=rate_hz),
        "contrast": lambda: librosa.feature.spectral_contrast(S=stft, sr=rate_hz),
        "tonnetz": lambda: librosa.feature.tonnetz(y=harmonic, sr=rate_hz),
    }
    return np.hstack([of_group[name]().T.mean(axis=0) for name in wanted])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa, on its lowest octaves
@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
def test_contrast_and_tonnetz_have_parity_with_librosa(tmp_path: Path, rate_hz: int) -> None:
    sound = voice(5, seconds=1.2, rate_hz=rate_hz)
    soundfile.write(tmp_path / "a.wav", sound, rate_hz, subtype="FLOAT")
    wanted = {"contrast": True, "tonnetz": True}
    ours, theirs = (
        extract_feature(tmp_path / "a.wav", **wanted),
        _published(tmp_path / "a.wav", **wanted),
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa, on its lowest octaves
def test_all_five_have_parity_with_librosa_on_real_clips(
    data_root: Callable[[str], Path],
) -> None:
    wanted = dict.fromkeys(("mfcc", "chroma", "mel", "contrast", "tonnetz"), True)
    for path in sorted(data_root("ravdess").glob("Actor_0[14]/03-01-0[357]-02-01-01-*.wav")):
        ours, theirs = extract_feature(path, **wanted), _published(path, **wanted)
        np.testing.assert_allclose(ours[:187], theirs[:187], rtol=1e-4, atol=1e-4)
        # In a frame of digital silence, tonnetz depends on rounding errors.
        np.testing.assert_allclose(ours[187:], theirs[187:], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("flag", "rate_hz"), [("contrast", 12_800), ("tonnetz", 8_000)])
def test_a_rate_that_is_too_low_for_a_group_is_refused(flag: str, rate_hz: int) -> None:
    with pytest.raises(FeatureError, match=f"sampled at {rate_hz} Hz, {flag} needs at least"):
        extract_feature(voice(1, rate_hz=rate_hz), rate_hz=rate_hz, **{flag: True})


def test_further_groups_change_neither_the_180_numbers_nor_their_key() -> None:
    spec = get_feature_spec("classic")
    assert spec.to_json() == (
        '{"groups":["mfcc","chroma","mel"],"name":"classic","rate_hz":null,"version":1}'
    )


def test_a_recording_that_cannot_be_used_is_left_out_with_a_warning(small_ravdess: Path) -> None:
    broken = small_ravdess / "Actor_01" / "03-01-02-01-01-01-01.wav"
    broken.write_bytes(b"words")
    with pytest.warns(UserWarning, match=r"left out: .*03-01-02-01-01-01-01\.wav: not readable"):
        found = load_data(root=small_ravdess, **QUIET)
    assert len(found[2]) + len(found[3]) == 63


def test_a_root_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no recording"):
        load_data(root=tmp_path, **QUIET)


@pytest.mark.slow
def test_the_example_without_data_ends_with_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "examples" / "tutorial.py"
    nowhere = {
        "VOXAFFECT_DATA": str(tmp_path),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, **nowhere},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "ravdess" in line
    assert "voxaffect corpora download ravdess" in line
