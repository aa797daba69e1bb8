"""What is read of a recording is what FFmpeg decodes of it, or it is refused by name."""

from __future__ import annotations

import io
import os
import shutil
import struct
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import voice
from hypothesis import given, settings, strategies as st
from support.recordings import Coding, decoded_by_ffmpeg, encoded, written

from voxaffect.audio import ffmpeg, open_blocks, read, resample
from voxaffect.cli import main
from voxaffect.errors import AudioError
from voxaffect.files.media import Kind, identify, is_recording

CORE = [
    Coding("wav", "pcm_s16le"),
    Coding("wav", "pcm_s24le", 48_000, 2),
    Coding("wav", "pcm_u8"),
    Coding("wav", "pcm_f32le"),
    Coding("wav", "pcm_alaw", 8_000),
    Coding("wav", "pcm_mulaw", 8_000),
    Coding("wav", "adpcm_ima_wav"),
    Coding("wav", "adpcm_ms", 22_050, 2),
    Coding("wav", "pcm_s16le", options=(("rf64", "always"),)),
    Coding("wav", "libmp3lame"),
    Coding("w64", "pcm_s16le"),
    Coding("aiff", "pcm_s16be", 44_100, 2),
    Coding("au", "pcm_s16be"),
    Coding("caf", "pcm_s16le"),
    Coding("flac", "flac", 48_000, 2),
    Coding("flac", "flac"),
    Coding("ogg", "libvorbis", 44_100, 2),
    Coding("ogg", "libvorbis"),
    Coding("ogg", "flac"),
    Coding("mp3", "libmp3lame"),
    Coding("mp3", "libmp3lame", 44_100, 2),
    Coding("mp3", "libmp3lame", 22_050, options=(("write_xing", "0"), ("id3v2_version", "0"))),
    Coding("mp3", "libmp3lame", 48_000, options=(("write_id3v1", "1"),)),
    Coding("mp2", "mp2", 48_000),
]
MEDIA = [
    Coding("ipod", "aac", 44_100, 2),
    Coding("ipod", "aac", options=(("movflags", "faststart"),)),
    Coding("mp4", "aac", 48_000, options=(("movflags", "frag_keyframe+empty_moov"),)),
    Coding("ipod", "alac", 44_100),
    Coding("mov", "pcm_s16le", 48_000, 2),
    Coding("adts", "aac"),
    Coding("amr", "libopencore_amrnb", 8_000, bit_rate=12_200),
    Coding("3gp", "libopencore_amrnb", 8_000, bit_rate=12_200),
    Coding("webm", "libopus", 48_000),
    Coding("matroska", "libmp3lame", 44_100, 2),
    Coding("matroska", "aac", 32_000),
    Coding("matroska", "flac"),
    Coding("avi", "libmp3lame", 48_000),
    Coding("asf", "wmav2", 44_100, bit_rate=64_000),
    Coding("mpegts", "mp2", 48_000),
    Coding("ac3", "ac3", 48_000, bit_rate=96_000),
    Coding("wv", "wavpack"),
    Coding("tta", "tta"),
]
PIPED = [
    Coding(
        coding.container,
        coding.codec,
        coding.rate_hz,
        coding.channels,
        coding.options,
        coding.bit_rate,
        is_piped=True,
    )
    for coding in (*CORE, *MEDIA)
    if coding.container not in ("ipod", "mov", "3gp", "amr", "aiff", "tta", "w64")
    and coding.codec != "libvorbis"
    and ("rf64", "always") not in coding.options
]
PIPED += [
    Coding("mp4", "aac", 48_000, options=(("movflags", "frag_keyframe+empty_moov"),), is_piped=True)
]


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("coding", [*CORE, *MEDIA, *PIPED], ids=str)
def test_what_is_read_is_what_ffmpeg_decodes(coding: Coding) -> None:
    content = encoded(coding)
    expected, rate_hz, frame = decoded_by_ffmpeg(content)
    signal = read(content)
    assert signal.rate_hz == rate_hz
    assert abs(len(signal.samples) - len(expected)) <= frame
    assert level(signal.samples) == pytest.approx(level(expected), abs=1e-3)
    length = min(len(signal.samples), len(expected))
    # Decoders of ADPCM round differently; all others agree sample by sample.
    tolerance = 1e-2 if "adpcm" in coding.codec else 1e-3
    assert np.abs(signal.samples[:length] - expected[:length]).max() < tolerance


@pytest.mark.parametrize("coding", [Coding("ogg", "libopus", 48_000), Coding("ogg", "libspeex")])
def test_opus_and_speex_in_ogg_are_what_ffmpeg_decodes(coding: Coding) -> None:
    try:
        content = encoded(coding)
    except ValueError:
        pytest.skip(f"PyAV has no encoder {coding.codec}")
    expected, rate_hz, frame = decoded_by_ffmpeg(content)
    signal = resample(read(content), rate_hz)
    assert abs(len(signal.samples) - len(expected)) <= frame
    assert level(signal.samples) == pytest.approx(level(expected), abs=1e-3)


@pytest.mark.parametrize(
    "coding", [CORE[0], CORE[11], CORE[14], CORE[16], *CORE[19:22], *MEDIA[:12]], ids=str
)
def test_path_bytes_and_stream_are_one_recording(coding: Coding, tmp_path: Path) -> None:
    content = encoded(coding)
    path = tmp_path / "recording.of_any_name"
    path.write_bytes(content)
    expected = read(content).samples
    with path.open("rb") as stream:
        for source in (path, str(path), io.BytesIO(content), stream):
            assert (read(source).samples == expected).all()
    with open_blocks(path) as blocks:
        assert max(len(block) for block in blocks) <= 2 * blocks.rate_hz


_SHORT = [coding for coding in (*CORE, *MEDIA) if coding.codec not in ("pcm_f32le", "adpcm_ms")]


@given(coding=st.sampled_from(_SHORT), share=st.floats(0.001, 0.999))
@settings(max_examples=80, deadline=None)
def test_a_file_that_was_cut_is_refused_unless_it_promises_nothing(
    coding: Coding, share: float
) -> None:
    content = encoded(coding)
    cut = content[: max(1, int(share * len(content)))]
    whole = len(read(content).samples)
    try:
        held = len(read(cut).samples)
    except AudioError:
        return
    # Frames that are whole, in a file that does not say how many there should be.
    assert str(coding.container) in ("mp3", "mp2", "adts", "amr", "mpegts", "ac3") or held == whole


@given(
    coding=st.sampled_from([CORE[14], CORE[15], CORE[16], CORE[17], CORE[18]]),
    share=st.floats(0.1, 0.99),
    bit=st.integers(0, 7),
)
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_in_what_has_checksums_is_refused(
    coding: Coding, share: float, bit: int
) -> None:
    content = bytearray(encoded(coding))
    expected = read(bytes(content)).samples
    content[int(share * len(content))] ^= 1 << bit
    try:
        samples = read(bytes(content)).samples
    except AudioError:
        return
    assert np.array_equal(samples, expected)  # it was in what fills a file up


# Lengths that a header estimates, leaves open or states.


def open_length(size: int) -> bytes:
    content = bytearray(written(voice(1)))
    content[4:8] = content[40:44] = struct.pack("<I", size)
    return bytes(content)


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_whose_length_was_never_written_is_read_to_its_end(size: int) -> None:
    assert (read(open_length(size)).samples == read(written(voice(1))).samples).all()


@pytest.mark.parametrize("container", ["wav", "w64"])
def test_a_wav_of_64_bits_written_to_a_pipe_is_read_whole(container: str) -> None:
    options = (("rf64", "always"),) if container == "wav" else ()
    content = encoded(Coding(container, "pcm_s16le", options=options, is_piped=True))
    assert (read(content).samples == read(encoded(CORE[0])).samples).all()


def test_an_empty_wav_with_something_behind_it_stays_empty() -> None:
    content = (
        bytearray(written(np.zeros(0, np.float32))[:44]) + b"LIST" + struct.pack("<I", 4) + bytes(4)
    )
    content[4:8] = struct.pack("<I", len(content) - 8)
    with pytest.raises(AudioError, match="holds no samples"):
        read(bytes(content))


@pytest.mark.parametrize(
    "coding",
    [
        CORE[0],
        Coding("aiff", "pcm_s16be"),
        Coding("au", "pcm_s16be"),
        MEDIA[0],
        Coding("asf", "wmav2", 44_100, bit_rate=64_000),
    ],
    ids=str,
)
def test_two_files_in_one_are_refused_where_nobody_reads_the_second(coding: Coding) -> None:
    with pytest.raises(AudioError, match="holds another recording behind the first"):
        read(encoded(coding) * 2)


MP3 = Coding("mp3", "libmp3lame", 22_050)
BARE = Coding("mp3", "libmp3lame", 22_050, options=(("write_xing", "0"), ("id3v2_version", "0")))
ID3 = b"ID3\4\0\0\0\0\7\x68" + bytes(7 << 7 | 0x68)
TAG = b"TAG" + bytes(125)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0x8000_0000) + bytes(8)
COVER = b"APETAGEX" + struct.pack("<IIII", 2000, 100_032, 1, 0xA000_0000) + bytes(8 + 100_032)


@pytest.mark.parametrize("coding", [MP3, BARE], ids=["with a header", "without"])
@pytest.mark.parametrize(
    ("front", "behind"),
    [
        (b"", b""),
        (ID3, b""),
        (ID3 + ID3, TAG),
        (b"", TAG),
        (b"", APE),
        (b"", bytes(5000)),
        (COVER, APE),
        (bytes(700), b""),
        (b"", b"unknown words " * 30),
    ],
)
def test_an_mp3_is_read_whole_whatever_is_around_its_frames(
    coding: Coding, front: bytes, behind: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    content = encoded(coding)
    expected = read(content).samples
    assert (read(front + content + behind).samples == expected).all()
    assert capfd.readouterr() == ("", "")


def test_an_mp3_of_variable_bit_rate_without_a_header_is_read_whole() -> None:
    sound = np.concatenate([voice(1, seconds=2), np.zeros(48_000, np.float32), voice(2, seconds=2)])
    content = written(
        sound, form="MP3", subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.5
    )
    size = 72 * 8 * 1000 // 16_000
    start = next(at for at in range(20, 2000) if content[at : at + 2] == content[:2])
    assert size < start
    bare = content[start:]  # the first frame is the header
    assert read(bare).seconds == pytest.approx(len(sound) / 16_000, abs=0.15)
    expected, _, frame = decoded_by_ffmpeg(bare, "mp3")
    assert abs(len(read(bare).samples) - len(expected)) <= frame


@pytest.mark.parametrize("coding", [MP3, BARE], ids=["with a header", "without"])
def test_joined_mp3s_are_all_read(coding: Coding, capfd: pytest.CaptureFixture[str]) -> None:
    one = read(encoded(coding)).seconds
    assert read(encoded(coding) * 3).seconds == pytest.approx(3 * one, abs=0.2)
    assert capfd.readouterr() == ("", "")


def test_joined_mp3s_of_two_rates_are_refused() -> None:
    other = Coding("mp3", "libmp3lame", 44_100)
    with pytest.raises(AudioError, match="changes from 22050 Hz, 1 channels, to 44100 Hz"):
        read(encoded(MP3) + encoded(other))


def test_an_mp3_that_begins_in_the_middle_of_a_stream_is_read_in_silence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = encoded(BARE)
    assert read(content[len(content) // 3 :]).seconds == pytest.approx(1, abs=0.1)
    assert capfd.readouterr() == ("", "")


def test_a_hole_in_an_mp3_is_refused() -> None:
    content = encoded(BARE)
    with pytest.raises(AudioError, match="damaged, no frame of sound begins at byte"):
        read(content[:3000] + content[3100:])


@pytest.mark.parametrize("name", ["ogg-libvorbis", "ogg-libopus", "ogg-flac", "flac-flac"])
def test_joined_streams_are_all_read(name: str) -> None:
    container, codec = name.split("-")
    content = encoded(Coding(container, codec, 48_000))
    one = read(content)
    whole = read(content * 3)
    assert len(whole.samples) == 3 * len(one.samples)
    assert (whole.samples[-len(one.samples) :] == one.samples).all()


def pages(content: bytes) -> list[bytes]:
    return [b"OggS" + part for part in content.split(b"OggS")[1:]]


def with_checksum(page: bytes) -> bytes:
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C1_1DB7) & 0xFFFF_FFFF if crc >> 31 else crc << 1
    return page[:22] + struct.pack("<I", crc) + page[26:]


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_an_ogg_without_its_end_mark_is_read_whole(codec: str) -> None:
    content = encoded(Coding("ogg", codec, 48_000))
    *others, last = pages(content)
    unmarked = with_checksum(last[:5] + bytes([last[5] & ~4]) + last[6:])
    assert (read(b"".join([*others, unmarked])).samples == read(content).samples).all()


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
def test_an_ogg_that_lacks_a_page_is_refused(codec: str) -> None:
    options = (("page_duration", "200000"),)
    parts = pages(encoded(Coding("ogg", codec, 48_000, 2, options=options), seconds=3))
    assert len(parts) > 6
    with pytest.raises(AudioError, match="damaged, page 5 follows page 3"):
        read(b"".join(parts[:4] + parts[5:]))


def test_the_checksum_of_ogg_is_that_of_the_standard() -> None:
    page = pages(encoded(Coding("ogg", "libvorbis")))[0]
    assert with_checksum(page) == page


# Rarer shapes.


@pytest.mark.parametrize(
    ("form", "subtype"), [("NIST", "PCM_16"), ("NIST", "ULAW"), ("SVX", "PCM_16")]
)
def test_what_an_old_format_promises_it_must_hold(form: str, subtype: str) -> None:
    sound = written(voice(1), 8_000, form, subtype)
    if form == "NIST":  # libsndfile leaves the count out
        count = b"sample_count -i %d\nend_head" % len(voice(1))
        sound = sound[:1024].replace(b"end_head", count)[:1024].ljust(1024) + sound[1024:]
    assert len(read(sound).samples) == len(voice(1))
    with pytest.raises(AudioError, match="cut short, its header promises"):
        read(sound[: len(sound) // 2])


def test_a_compressed_sphere_file_says_what_unpacks_it() -> None:
    head = b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    with pytest.raises(AudioError, match="sph2pipe -f wav"):
        read(head.ljust(1024) + bytes(5000))


def test_a_flash_video_that_was_cut_is_refused() -> None:
    sound = encoded(Coding("flv", "libmp3lame", 44_100))
    read(sound)
    with pytest.raises(AudioError, match="cut short, its header promises"):
        read(sound[: len(sound) // 2])


def test_a_wav_with_two_chunks_of_samples_is_refused() -> None:
    sound = written(voice(1))
    with pytest.raises(AudioError, match=f"another recording .*at byte {len(sound)}"):
        read(sound + sound[36:])


@pytest.mark.parametrize(
    ("channels", "rate_hz", "reason"),
    [(0, 16_000, "states 0 channels"), (2000, 16_000, "states 2000 channels"), (1, 0, "0 Hz")],
)
def test_a_wav_whose_header_cannot_be_true_is_called_damaged(
    channels: int, rate_hz: int, reason: str
) -> None:
    sound = written(voice(1))
    with pytest.raises(AudioError, match=f"damaged, its header .*{reason}"):
        read(sound[:22] + struct.pack("<HI", channels, rate_hz) + sound[28:])


@pytest.mark.parametrize("stated", [1 << 30, 0x7FFF_F000, 0xFFFF_FFFF])
def test_a_wav_of_more_than_four_gigabytes_is_read_to_its_end(tmp_path: Path, stated: int) -> None:
    size = 5 << 30
    sound = written(voice(1))
    with (tmp_path / "a.wav").open("wb") as stream:
        stream.write(sound[:40] + struct.pack("<I", stated) + sound[44:])
        stream.truncate(44 + size)  # the rest takes no place on the disk
    with open_blocks(tmp_path / "a.wav") as blocks:
        assert (blocks.rate_hz, blocks.frames) == (16_000, size // 2)
        np.testing.assert_array_equal(next(iter(blocks))[:8_000, 0], read(sound).samples[:8_000])


@pytest.mark.parametrize("name", ["a.raw", "a.pcm", "a.ulaw"])
def test_bare_samples_get_a_remedy_that_states_their_kind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(written(voice(1))[44:])
    with pytest.raises(AudioError, match=rf"{name}: .*ffmpeg -f s16le .* a\.wav$"):
        read(tmp_path / name)


# What is no recording.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
        (b"<!DOCTYPE html><html><head></head></html>", r"web page \(HTML\)"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML file"),
        (b"UklGRiTYAQBXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQDYAQAAAA", "base64 -d"),
        (b"data:audio/wav;base64,UklGRiTYAQBXQVZF", "base64 -d"),
        (b"HTTP/1.1 200 OK\r\n\r\nRIFF\x01\x02", "an answer of a web server"),
        (b"[.ShellClassInfo]\r\nIconIndex=1", "it is text"),
        (b"{\\rtf1 a}", "RTF"),
        (b'{"error": "not found"}', "a JSON file"),
        (b"PK\3\4" + bytes(100), "a zip archive"),
        (b"\x1f\x8b\x08" + bytes(100), "compressed with gzip"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), r"a picture \(PNG\)"),
        (b"path,emotion\na.wav,sad\n", "text"),
        ("Grüße".encode("utf-16"), "text"),
        (bytes(10_000), "zeros from its beginning on"),
        (b"MThd\0\0\0\6", "a MIDI file"),
        (b"\x80\x04\x95" + bytes(range(40)), "a Python pickle"),
        (b"#EXTM3U\n", "a playlist"),
        (b"\x93NUMPY\1\0v\0", "a NumPy array"),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.m4a", "a.mp3"])
def test_what_is_no_recording_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, message: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(
            AudioError, match=rf"not readable as audio \(it is .*{message}|{message}"
        ):
            read(source)
    assert not is_recording(path.rename(tmp_path / "other"))


def test_the_remedy_names_the_file_as_a_shell_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "my odd call.wav"
    path.write_bytes(bytes(range(1, 256)))
    with pytest.raises(AudioError, match=r"ffmpeg -i '/.*my odd call\.wav' '/.*\.wav'"):
        read(path)


def test_a_video_without_sound_is_refused_by_name() -> None:
    av = pytest.importorskip("av")
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(
        AudioError, match=r"has no sound, it is an MPEG-4 file \(MP4\) without an audio"
    ):
        read(target.getvalue())


def two_tracks(silent: int) -> bytes:
    """A video whose first sound track is the default one, as recorders of a screen write it."""
    av = pytest.importorskip("av")
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as output:
        streams = [output.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]
        streams[0].disposition = av.stream.Disposition.default
        for index, stream in enumerate(streams):
            sound = voice(1, rate_hz=16_000) * (index != silent)
            frame = av.AudioFrame.from_ndarray(
                (sound * 20_000).astype(np.int16)[None], format="s16", layout="mono"
            )
            frame.rate, frame.pts = 16_000, 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    return target.getvalue()


def test_a_silent_track_beside_another_is_named_with_a_way_to_the_other() -> None:
    with pytest.raises(AudioError, match=r"silent, number 1 of 2\. .*-map 0:a:1 track2\.wav"):
        read(two_tracks(silent=0))
    assert level(read(two_tracks(silent=1)).samples) > 0.01


def test_a_coding_that_ffmpeg_does_not_know_is_not_called_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = b"#!AMR\n" + (b"\x44" + bytes(5)) * 50  # AMR codes a pause as a frame of noise
    with pytest.raises(AudioError, match="a variant that FFmpeg does not decode") as caught:
        read(pauses)
    assert "damaged" not in str(caught.value)
    if shutil.which("ffmpeg"):
        monkeypatch.setitem(sys.modules, "av", None)
        with pytest.raises(AudioError, match="WAV or FLAC with another program") as caught:
            read(pauses)
        assert "damaged" not in str(caught.value)


def test_a_flac_that_was_cut_is_not_said_to_hold_nothing() -> None:
    content = encoded(Coding("flac", "flac", 48_000))
    with pytest.raises(AudioError, match="promises 72000 samples and it ends before") as caught:
        read(content[: len(content) // 2])
    assert "holds 0" not in str(caught.value)


@pytest.mark.parametrize("coding", MEDIA, ids=str)
def test_without_ffmpeg_one_line_says_what_a_file_is_and_what_to_install(
    coding: Coding, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(coding)
    kind = identify(content[:4096])
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(ffmpeg, "_find_program", lambda: None)
    assert isinstance(kind, Kind)
    with pytest.raises(AudioError) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith(f"<bytes>: is {kind.name}. ")
    assert 'needs FFmpeg. Install its libraries: pip install "voxaffect[media]"' in message
    assert message.endswith(", or the program ffmpeg.") == (os.name == "posix")


@pytest.mark.parametrize("coding", CORE, ids=str)
def test_core_formats_need_no_ffmpeg(coding: Coding, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(encoded(coding)).samples
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(ffmpeg, "_find_program", lambda: None)
    assert (read(encoded(coding)).samples == expected).all()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
@pytest.mark.parametrize("coding", [MEDIA[0], MEDIA[5], MEDIA[6], MEDIA[9], MEDIA[13]], ids=str)
def test_the_program_ffmpeg_serves_where_pyav_is_missing(
    coding: Coding, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = encoded(coding)
    expected = read(content)
    path = tmp_path / "a"
    path.write_bytes(content)
    monkeypatch.setitem(sys.modules, "av", None)
    for source in (content, path):
        signal = read(source)
        assert signal.rate_hz == expected.rate_hz
        assert abs(len(signal.samples) - len(expected.samples)) <= 2048
        assert level(signal.samples) == pytest.approx(level(expected.samples), abs=1e-3)
    with pytest.raises(AudioError, match=r"cut short|damaged"):
        read(content[:-37])


@pytest.mark.parametrize("coding", MEDIA, ids=str)
def test_nothing_of_ffmpeg_reaches_the_terminal(
    coding: Coding, capfd: pytest.CaptureFixture[str]
) -> None:
    content = encoded(coding)
    read(content)
    for share in (0.3, 0.9):
        broken = bytearray(content)
        broken[int(share * len(content)) :][:50] = bytes(50)
        for source in (content[: int(share * len(content))], bytes(broken)):
            with suppress(AudioError):
                read(source)
    assert capfd.readouterr() == ("", "")


def test_a_seek_before_the_start_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(written(voice(1), form="AIFF"))
    content[4:8] = b"\xff\xff\xff\xff"
    content[16:20] = b"\xff\xff\xff\x00"
    with pytest.raises(AudioError):
        read(bytes(content))
    assert capfd.readouterr() == ("", "")


def test_is_recording_goes_by_name_or_else_by_content(tmp_path: Path) -> None:
    contents = {
        "call": encoded(MEDIA[0]),
        "call.dat": encoded(BARE),
        "call.m4a": b"",
        "x.bin": encoded(CORE[0]),
        "notes.txt": b"words",
        ".hidden.wav": encoded(CORE[0]),
        "photo": b"\xff\xd8\xff\xe0" + bytes(99),
        "MAC address list": b"MAC 00:11:22\n",
        "song.MP3": b"",
        "zip": b"PK\3\4",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    recordings = {path.name for path in tmp_path.iterdir() if is_recording(path)}
    assert recordings == {"call", "call.dat", "call.m4a", "x.bin", "song.MP3"}


def test_a_folder_passes_over_no_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    contents = {
        "a.m4a": encoded(MEDIA[0]),
        "b.webm": encoded(MEDIA[8]),
        "c.amr": encoded(MEDIA[6]),
        "d": encoded(CORE[0]),
        "e.mkv": b"broken",
        "f.mp4": encoded(MEDIA[2])[:5000],
        "g.txt": b"words",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["predict", "calls", "--format", "json"])
    out, err = capsys.readouterr()
    assert ended.value.code == 1
    for name in "a.m4a", "b.webm", "c.amr", "d":
        assert f"calls/{name}" in out
    assert "failed: calls/e.mkv: not readable as audio (it is text)" in err
    assert "failed: calls/f.mp4: cut short" in err
    assert "g.txt" not in out + err
