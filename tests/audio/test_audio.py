"""Sound of every width, format, rate and origin becomes the same signal, or one clear line."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from voxaffect.audio import (
    Samples,
    Signal,
    as_signal,
    check_usable,
    content,
    mix_down,
    read,
    resample,
)
from voxaffect.errors import AudioError

RATE_HZ = 16_000


def encode(form: str, frames: int) -> bytes:
    """Recording of noise."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, frames)
    soundfile.write(buffer, noise, RATE_HZ, format=form)
    return buffer.getvalue()


RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
LOSSLESS = [
    ("WAV", "PCM_U8", 2**-7),
    ("WAV", "PCM_16", 2**-15),
    ("WAV", "PCM_24", 2**-23),
    ("WAV", "PCM_32", 2**-24),
    ("WAV", "FLOAT", 0.0),
    ("WAV", "DOUBLE", 0.0),
    ("FLAC", "PCM_16", 2**-15),
    ("FLAC", "PCM_24", 2**-23),
    ("AIFF", "PCM_16", 2**-15),
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


def encoded(
    samples: NDArray[np.generic],
    *,
    rate_hz: int = RATE_HZ,
    form: str = "WAV",
    subtype: str | None = None,
) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, format=form, subtype=subtype)
    return stream.getvalue()


def correlation(one: Samples, other: Samples) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


@pytest.mark.parametrize(("form", "subtype", "step"), LOSSLESS)
def test_lossless_files_give_back_what_was_written(form: str, subtype: str, step: float) -> None:
    samples = voice(1)
    found = read(encoded(samples, form=form, subtype=subtype))
    assert found.rate_hz == RATE_HZ
    assert found.samples.dtype == np.float32
    assert np.abs(found.samples - samples).max() <= step


@pytest.mark.parametrize(("form", "subtype"), LOSSY)
def test_lossy_files_sound_alike(form: str, subtype: str) -> None:
    samples = voice(1, seconds=1)
    found = read(encoded(samples, form=form, subtype=subtype))
    assert abs(len(found.samples) - len(samples)) <= 16
    assert correlation(found.samples, samples) > 0.9


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_rate_is_kept(rate_hz: int) -> None:
    found = read(encoded(voice(1, rate_hz=rate_hz), rate_hz=rate_hz))
    assert found.rate_hz == rate_hz
    assert found.seconds == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize("channels", [2, 3, 6])
@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_channels_are_mixed_down_by_their_mean(form: str, channels: int) -> None:
    samples = np.stack([voice(seed) for seed in range(channels)], axis=1)
    content = encoded(samples, form=form, subtype="PCM_16")
    decoded, _ = soundfile.read(io.BytesIO(content), dtype="float64")
    np.testing.assert_allclose(read(content).samples, decoded.mean(axis=1), atol=1e-7)


def test_equal_channels_give_the_very_bits_of_one() -> None:
    samples = voice(2)
    assert np.array_equal(mix_down(np.stack([samples, samples], axis=1)), samples)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_are_scaled_as_soundfile_scales_them(dtype: str) -> None:
    whole = (voice(3) * np.iinfo(dtype).max * 0.9).astype(dtype)
    whole[:2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    decoded, _ = soundfile.read(
        io.BytesIO(encoded(whole, subtype={"int16": "PCM_16", "int32": "PCM_32"}[dtype])),
        dtype="float32",
    )
    assert np.array_equal(as_signal(whole, RATE_HZ).samples, decoded)


def test_eight_bit_integers_reach_minus_one() -> None:
    found = as_signal(np.array([-128, 0, 64], dtype=np.int8), RATE_HZ)
    assert found.samples.tolist() == [-1.0, 0.0, 0.5]


@pytest.mark.parametrize("channels", [1, 2])
def test_path_text_bytes_stream_and_array_are_one_signal(tmp_path: Path, channels: int) -> None:
    samples = np.stack([voice(seed) for seed in range(channels)], axis=1)
    path = tmp_path / "voice.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    decoded, _ = soundfile.read(path, dtype="float32")
    whole, _ = soundfile.read(path, dtype="int16")
    with path.open("rb") as stream:
        found = [
            as_signal(path),
            as_signal(str(path)),
            as_signal(path.read_bytes()),
            as_signal(stream),
            as_signal(decoded, RATE_HZ),
            as_signal(whole, RATE_HZ),
        ]
    assert {one.samples.tobytes() for one in found} == {found[0].samples.tobytes()}
    assert {one.rate_hz for one in found} == {RATE_HZ}


def test_a_signal_passes_unchanged(signal: Signal) -> None:
    assert as_signal(signal) is signal


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 4)),
        elements=st.floats(-1, 1, width=32),
    )
)
@settings(max_examples=50, deadline=None)
def test_mixing_down_stays_between_the_channels(samples: Samples) -> None:
    mono = mix_down(samples)
    assert mono.shape == (len(samples),)
    assert (mono >= samples.min(axis=1) - 1e-6).all()
    assert (mono <= samples.max(axis=1) + 1e-6).all()


# What cannot be read says so.


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
        read(tmp_path / "gone.wav")


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder, expected a recording"):
        read(tmp_path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    with pytest.raises(AudioError, match=r"empty\.wav: empty, 0 bytes long"):
        read(path)


def test_empty_bytes_are_refused() -> None:
    with pytest.raises(AudioError, match="<bytes>: empty, 0 bytes long"):
        read(b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"These are words. " * 100, r"\(it is text\)\. Name a recording"),
        (b"RIFF\1\2\3", r"\(.+\)\. If a player can play it, convert it with: ffmpeg -i "),
        (bytes(1000), r"\(it is zeros from its beginning on\)\. It was never written to its end"),
    ],
)
def test_what_is_not_audio_is_named_with_a_remedy(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "notes.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"notes\.wav: not readable as audio " + message):
        read(path)


def test_a_header_alone_is_cut_short() -> None:
    with pytest.raises(AudioError, match="promises 19200 bytes of sound and it holds 0"):
        read(encoded(voice(1), subtype="PCM_16")[:44])


def test_a_recording_of_no_samples_is_refused() -> None:
    with pytest.raises(AudioError, match="holds no samples"):
        read(encoded(np.zeros(0, dtype=np.float32)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    ("form", "subtype"), [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("AIFF", "PCM_16")]
)
def test_a_truncated_chunk_is_cut_short(form: str, subtype: str, share: float) -> None:
    content = encoded(voice(1), form=form, subtype=subtype)
    with pytest.raises(AudioError, match=r"cut short, its header promises \d+ bytes of sound"):
        read(content[: int(share * len(content))])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    ("form", "subtype"),
    [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")],
)
def test_a_truncated_stream_is_refused(form: str, subtype: str, share: float) -> None:
    noise = np.random.default_rng(0).standard_normal(10 * RATE_HZ).astype(np.float32) * 0.1
    content = encoded(noise, form=form, subtype=subtype)
    assert read(content).seconds == pytest.approx(10, abs=0.01)
    with pytest.raises(AudioError, match=r"cut short|not readable as audio"):
        read(content[: int(share * len(content))])


def test_an_ogg_file_without_its_last_page_is_cut_short() -> None:
    content = encoded(voice(1, seconds=5), form="OGG", subtype="VORBIS")
    with pytest.raises(AudioError, match="cut short, its last page is missing"):
        read(content[: content.rindex(b"OggS")])


@pytest.mark.parametrize("unknown", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000])
def test_a_streamed_wav_of_unknown_length_still_reads(unknown: int) -> None:
    content = bytearray(encoded(voice(1), subtype="PCM_16"))
    data = content.index(b"data")
    content[4:8] = (0xFFFF_FFFF).to_bytes(4, "little")
    content[data + 4 : data + 8] = unknown.to_bytes(4, "little")
    assert np.array_equal(
        read(bytes(content)).samples, read(encoded(voice(1), subtype="PCM_16")).samples
    )


def test_a_wav_without_its_pad_byte_is_whole() -> None:
    content = encoded(voice(1)[:4001], subtype="PCM_U8")
    assert len(read(content[:-1] if len(content) % 2 == 0 else content).samples) == 4001


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 4_000, -1])
def test_samples_that_are_no_numbers_are_refused(bad: float, place: int) -> None:
    samples = voice(1)
    samples[place] = bad
    with pytest.raises(AudioError, match="holds NaN or infinite samples"):
        read(encoded(samples, subtype="FLOAT"))
    with pytest.raises(AudioError, match="<array>: holds NaN or infinite samples"):
        as_signal(samples, RATE_HZ)


def test_opposite_infinities_do_not_hide_each_other() -> None:
    samples = voice(1)
    samples[10], samples[20] = np.inf, -np.inf
    with pytest.raises(AudioError, match="NaN or infinite"):
        Signal(samples, RATE_HZ)


@pytest.mark.parametrize("rate_hz", [0, -16_000, 4_000, 7_999, 192_001, 384_000])
def test_a_rate_out_of_range_is_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=f"sampled at {rate_hz} Hz, 8000 to 192000 Hz"):
        as_signal(voice(1), rate_hz)


@pytest.mark.parametrize("rate_hz", [4_000, 384_000])
def test_a_file_of_a_rate_out_of_range_is_refused(tmp_path: Path, rate_hz: int) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, voice(1), rate_hz)
    with pytest.raises(AudioError, match=rf"odd\.wav: sampled at {rate_hz} Hz"):
        read(path)


def test_an_array_needs_its_rate() -> None:
    with pytest.raises(AudioError, match="an array needs its rate"):
        as_signal(voice(1))


@pytest.mark.parametrize("source", [b"RIFF", "a.wav", Path("a.wav")])
def test_a_file_takes_no_rate(source: bytes | str | Path) -> None:
    with pytest.raises(AudioError, match="rate_hz goes with an array"):
        as_signal(source, RATE_HZ)


@pytest.mark.parametrize("shape", [(), (10, 2, 2)])
def test_an_array_has_one_or_two_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"expected shape \(n,\) or \(n, channels\)"):
        as_signal(np.zeros(shape, dtype=np.float32), RATE_HZ)


@pytest.mark.parametrize("dtype", ["uint8", "complex64", "bool", "U1"])
def test_an_array_holds_signed_integers_or_floats(dtype: str) -> None:
    with pytest.raises(AudioError, match="expected signed integers or floats"):
        as_signal(np.zeros(8_000, dtype=dtype), RATE_HZ)


@pytest.mark.parametrize("samples", [np.zeros((8_000, 2), np.float32), np.zeros(8_000)])
def test_a_signal_holds_one_row_of_float32(samples: NDArray[np.floating]) -> None:
    with pytest.raises(AudioError, match="expected one-dimensional float32 samples"):
        Signal(samples, RATE_HZ)  # type: ignore[arg-type]


# Resampling and what is usable.


@pytest.mark.parametrize("from_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("to_hz", [8_000, 16_000, 44_100])
def test_a_pure_tone_keeps_its_frequency_and_level(from_hz: int, to_hz: int) -> None:
    tone_hz = 1_000
    time = np.arange(from_hz) / from_hz
    tone = Signal((0.5 * np.sin(2 * np.pi * tone_hz * time)).astype(np.float32), from_hz)
    found = resample(tone, to_hz)
    assert found.rate_hz == to_hz
    assert found.seconds == pytest.approx(1, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(found.samples[:to_hz] * np.hanning(to_hz)))
    assert int(spectrum.argmax()) == tone_hz  # one second: a bin is one Hz
    middle = found.samples[to_hz // 4 : 3 * to_hz // 4]
    assert np.sqrt(np.mean(np.square(middle))) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    time = np.arange(48_000) / 48_000
    tone = Signal(np.sin(2 * np.pi * 10_000 * time).astype(np.float32), 48_000)
    middle = resample(tone, 16_000).samples[2_000:-2_000]
    assert np.abs(middle).max() < 1e-3


def test_resampling_to_the_own_rate_changes_nothing(signal: Signal) -> None:
    assert resample(signal, signal.rate_hz) is signal


@pytest.mark.parametrize(("count", "length"), [(1, "0.0"), (480, "0.03"), (3_999, "0.249")])
def test_a_recording_under_a_quarter_second_is_not_usable(count: int, length: str) -> None:
    with pytest.raises(AudioError, match=f"blip: {length} s long, at least 0.25 s are needed"):
        check_usable(Signal(voice(1)[:count], RATE_HZ, "blip"))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_quarter_second_is_usable_at_every_rate(rate_hz: int) -> None:
    check_usable(Signal(voice(1, seconds=0.25, rate_hz=rate_hz), rate_hz))


@pytest.mark.parametrize("value", [0.0, 0.25, -1.0])
def test_a_recording_of_one_value_is_silent(value: float) -> None:
    with pytest.raises(AudioError, match=f"hush: silent, every sample is {value:g}"):
        check_usable(Signal(np.full(8_000, value, dtype=np.float32), RATE_HZ, "hush"))


# What an attack found.


def test_gsm_whose_length_is_unknown_until_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gsm.wav"
    soundfile.write(path, voice(0), 16_000, subtype="GSM610")
    assert read(path).seconds == pytest.approx(0.6, abs=0.05)


def test_flac_that_does_not_state_its_length_is_read_whole() -> None:
    stream = io.BytesIO()
    soundfile.write(stream, voice(0), 16_000, format="FLAC")
    content = bytearray(stream.getvalue())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count samples; 0 means unknown
    content[22:26] = bytes(4)
    whole = read(stream.getvalue()).samples
    assert np.array_equal(read(bytes(content)).samples, whole)


@pytest.mark.parametrize("form", ["AU", "W64", "RF64", "WAV", "AIFF"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_file_cut_short_is_refused(form: str, share: float) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, voice(0), 16_000, format=form, subtype="PCM_16")
    content = stream.getvalue()
    with pytest.raises(AudioError, match="cut short"):
        read(content[: int(share * len(content))])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_without_a_writer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "WRITER_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="a pipe into which nothing was written"):
        read(tmp_path / "pipe.wav")


@pytest.mark.parametrize("name", ["a" * 300 + ".wav", "nul\0.wav"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(AudioError, match="cannot be read"):
        read(name)


@pytest.mark.parametrize("source", [None, 3.5, 123, ["a.wav"]])
def test_what_is_no_recording_is_refused(source: object) -> None:
    with pytest.raises(AudioError, match="expected a path, bytes, a binary stream or an array"):
        as_signal(source)  # type: ignore[arg-type]


def test_a_text_stream_is_refused() -> None:
    with pytest.raises(AudioError, match="expected a stream of bytes, found str"):
        read(io.StringIO("RIFF"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("peak", "reason"), [(1e-8, "silent"), (1e8, "Normalize it")])
def test_no_sound_and_far_too_much_of_it_are_refused(peak: float, reason: str) -> None:
    tone = np.sin(np.arange(8_000) / 9, dtype=np.float32) * np.float32(peak)
    with pytest.raises(AudioError, match=reason):
        check_usable(Signal(tone, 16_000))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\3\4" + bytes(5_000), "unsupported_format"),
        (b"Dear voice, " * 100, "unsupported_format"),
        (b"", "empty"),
        (encode("WAV", 0), "empty"),
        (encode("WAV", 16_000)[:20_000], "cut_short"),
        (encode("FLAC", 160_000)[:20_000], "cut_short"),
    ],
)
def test_an_error_has_a_code_that_survives_pickling(content: bytes, code: str) -> None:
    with pytest.raises(AudioError) as caught:
        read(content)
    assert pickle.loads(pickle.dumps(caught.value)).code == code


def test_a_recording_over_the_limit_is_too_long() -> None:
    with pytest.raises(AudioError, match="longer than") as caught:
        read(encode("WAV", 32_000), max_seconds=1)
    assert caught.value.code == "too_long"
