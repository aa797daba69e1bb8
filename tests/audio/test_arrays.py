"""Arrays and rates as other libraries give them: taken as meant, or refused in one true line."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import voice
from support.recordings import written

import voxaffect
from voxaffect.audio import Signal, as_signal, open_blocks, read
from voxaffect.audio.arrays import as_array
from voxaffect.errors import AudioError, FeatureError
from voxaffect.features import get_feature_spec

RATE_HZ = 16_000
SOUND = voice(1)
STEREO = np.stack([voice(1), voice(2)])


class Tensor:
    """What other libraries call an array: it has a shape and can become one of NumPy's."""

    def __init__(self, samples: np.ndarray, *, is_ready: bool = True) -> None:
        self._samples, self._is_ready = samples, is_ready

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if not self._is_ready:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self._samples


@pytest.mark.parametrize(
    ("array", "same_as"),
    [
        (STEREO, STEREO.T),
        (SOUND[None], SOUND),
        (SOUND[:, None], SOUND),
        (Tensor(SOUND), SOUND),
        (Tensor(STEREO), STEREO.T),
        (SOUND.astype(">f4"), SOUND),
        (SOUND.astype(np.longdouble), SOUND),
        (np.ma.masked_array(SOUND), SOUND),
        ((SOUND * 32768).astype(">i2"), (SOUND * 32768).astype("int16")),
        (SOUND.astype(np.float16), SOUND.astype(np.float16).astype(np.float32)),
    ],
)
def test_an_array_of_another_library_is_the_same_signal(array: Any, same_as: np.ndarray) -> None:
    expected = as_signal(same_as, RATE_HZ).samples
    assert (as_signal(array, RATE_HZ).samples == expected).all()
    with open_blocks(array, RATE_HZ) as blocks:
        assert np.concatenate(list(blocks)).mean(axis=1) == pytest.approx(expected, abs=1e-6)


MASKED = np.ma.masked_array(SOUND, mask=np.arange(len(SOUND)) < 100)
REFUSED = [
    (MASKED, "100 samples are masked. Fill them"),
    ((SOUND * 32767).astype("int64"), r"found int64\. Its full scale is not known: give 16-bit"),
    ((SOUND * 100 + 128).astype("uint8"), r"found uint8\. Give 8-bit values as \("),
    (SOUND > 0, "found bool"),
    (SOUND + 0j, "found complex64"),
    (SOUND.astype(object), "found object"),
    (np.zeros(8_000, "M8[s]"), "found datetime64"),
    (np.zeros((8_000, 0)), r"found \(8000, 0\)"),
    (np.zeros((100, 16_000)), r"found \(100, 16000\): 16000 channels"),
    (np.zeros((2, 8_000, 2)), r"found \(2, 8000, 2\)\. Give one recording at a time"),
    (np.full(8_000, np.nan), "holds NaN or infinite samples"),
    (np.full(8_000, 1e300), "holds NaN or infinite samples"),
    (Tensor(SOUND, is_ready=False), r"of a tensor, samples\.detach\(\)\.cpu\(\)\.numpy\(\)"),
    (SOUND.tolist(), r"found list\. Make it an array"),
    ((value for value in SOUND), r"found generator\. Make it an array"),
]


@pytest.mark.parametrize(("array", "message"), REFUSED)
def test_what_is_no_sound_is_refused_in_one_line_at_every_door(array: Any, message: str) -> None:
    doors = (
        lambda: as_signal(array, RATE_HZ),
        lambda: voxaffect.predict(array, rate_hz=RATE_HZ),
        lambda: voxaffect.timeline(array, rate_hz=RATE_HZ, workers=1),
        lambda: voxaffect.diagnose(array, rate_hz=RATE_HZ),
        lambda: voxaffect.explain(array, rate_hz=RATE_HZ),
    )
    for door in doors:
        with pytest.raises(AudioError, match=message) as caught:
            door()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("array", "message"), [row for row in REFUSED if "shape" not in row[1]])
def test_a_stream_refuses_the_same_blocks(array: Any, message: str) -> None:
    stream = voxaffect.Stream(rate_hz=RATE_HZ)
    with pytest.raises(AudioError, match=rf"{message}|expected a block of shape"):
        stream.push(array)
    assert stream.seconds == 0


@pytest.mark.parametrize("rate_hz", [16_000, 16_000.0, np.float64(16_000), np.int32(16_000)])
def test_a_rate_is_any_whole_number(rate_hz: Any) -> None:
    assert type(as_signal(SOUND, rate_hz).rate_hz) is int
    assert type(Signal(SOUND, rate_hz).rate_hz) is int
    assert voxaffect.Stream(rate_hz=rate_hz).push(SOUND) is not None
    assert get_feature_spec("classic", rate_hz=rate_hz) == get_feature_spec(
        "classic", rate_hz=16_000
    )


@pytest.mark.parametrize(
    "rate_hz", ["16000", np.nan, np.inf, 16_000.5, True, [16_000], np.array([16_000]), 16_000 + 0j]
)
def test_what_is_no_rate_is_refused_at_every_door(rate_hz: Any) -> None:
    doors = (
        lambda: as_signal(SOUND, rate_hz),
        lambda: Signal(SOUND, rate_hz),
        lambda: voxaffect.predict(SOUND, rate_hz=rate_hz),
        lambda: voxaffect.timeline(SOUND, rate_hz=rate_hz, workers=1),
        lambda: voxaffect.diagnose(SOUND, rate_hz=rate_hz),
        lambda: voxaffect.Stream(rate_hz=rate_hz),
        lambda: get_feature_spec("classic", rate_hz=rate_hz),
    )
    for door in doors:
        with pytest.raises((AudioError, FeatureError), match="rate_hz as a whole number such as"):
            door()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_its_array() -> None:
    samples = voice(1)
    with open_blocks(np.matrix(samples), 16_000) as blocks:
        np.testing.assert_array_equal(np.concatenate(list(blocks))[:, 0], samples)


def test_unsigned_samples_of_16_bits_get_the_remedy_of_16_bits() -> None:
    samples = np.full(16_000, 49_152, np.uint16)
    with pytest.raises(AudioError, match="found uint16") as caught:
        as_array(samples)
    remedy = str(caught.value).split(" as ")[-1].rstrip(".")
    assert eval(remedy)[0] == 0.5


class _NotYet(io.RawIOBase):
    def read(self, _count: int = -1) -> None:
        return None


def _at_end() -> io.BytesIO:
    stream = io.BytesIO(written(voice(1)))
    stream.seek(0, io.SEEK_END)
    return stream


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ((16_000, np.zeros(9)), "array of samples alone, and its rate as rate_hz="),
        ([np.zeros(9)], "array of samples alone"),
        ([0.0, 0.1], "asarray"),
        ({"array": np.zeros(9), "sampling_rate": 16_000}, r"source\['array'\], rate_hz="),
        ({"bytes": b"1", "path": None}, r"parts: source\['bytes'\]\."),
        (_at_end(), r"stream\.seek\(0\)"),
        (io.StringIO("a"), "binary mode"),
        (soundfile.SoundFile(io.BytesIO(written(voice(1)))), "found ndarray. Give the path"),
        (_NotYet(), "set_blocking"),
        ("", "'': is no path"),
        ("https://example.org/a.wav", "no such file. Download it"),
        ("UklGR" * 1000, "^(UklGR){12}…: "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_recording_but_holds_one_gets_a_remedy_that_fits(
    source: Any, remedy: str
) -> None:
    with pytest.raises(AudioError, match=remedy):
        read(source)
