"""Kinds of files, by their names and first bytes, without decoding."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CORE_NAMES = """
    .wav .wave .flac .ogg .oga .opus .mp3 .mp2 .mpga .aif .aiff .aifc .au .snd .caf .w64 .rf64
    .bwf .sph .nist
"""
_FFMPEG_NAMES = """
    .m4a .m4b .m4r .mp4 .m4v .mov .qt .3gp .3gpp .3g2 .aac .adts .amr .awb .webm .weba .mkv .mka
    .wma .wmv .asf .avi .flv .f4v .m2ts .mpg .mpeg .vob .ogv .ogx .spx .ac3 .eac3 .dts .wv .tta
    .ape .mpc .tak .oma .dsf .qcp .rm .ra .qoa .voc .mxf .dv .gsm .g722 .g723 .sbc .aptx .thd
    .mlp .vox .raw .pcm .ulaw .alaw .ul .al .8svx .avr .ircam .paf .pvf .wve
"""
AUDIO_EXTENSIONS = frozenset(_CORE_NAMES.split())
"""Names of recordings that are read without FFmpeg."""
MEDIA_EXTENSIONS = frozenset(_FFMPEG_NAMES.split())
"""Names of phone, browser, video and rare recordings: read with FFmpeg, or listed as failures."""
EXTENSIONS = AUDIO_EXTENSIONS | MEDIA_EXTENSIONS

HEAD_BYTES = 4096
"""Length of the beginning that `identify` needs."""

CORE, FFMPEG, NONE = "core", "ffmpeg", ""


@dataclass(frozen=True)
class Kind:
    """Kind of a file.

    Parameters
    ----------
    name : str
        For messages, with an article.
    reader : str
        ``core`` for formats that need no FFmpeg, ``ffmpeg``, or empty: it is no recording.
    format : str
        Short name: our own for ``core``, FFmpeg's demuxer for ``ffmpeg``.
    remedy : str
        Advice about a file that is no recording.
    """

    name: str
    reader: str = NONE
    format: str = ""
    remedy: str = ""


_ROWS_CORE = (
    (rb"(RIFF|RIFX|RF64|BW64)....WAVE", "a WAV file", "wav"),
    (rb"fLaC", "a FLAC file", "flac"),
    (rb"OggS", "an Ogg file", "ogg"),
    (rb"caff", "a CAF file", "caf"),
    (rb"\.snd|dns\.", "an AU file", "au"),
    (rb"riff\x2e\x91\xcf\x11", "a Wave64 file", "w64"),
    (rb"NIST_1A", "a NIST SPHERE file", "nist"),
    (rb"FORM....AIF[FC]", "an AIFF file", "aiff"),
    (rb"FORM....(8SVX|16SV)", "an 8SVX file", "svx"),
)
_ROWS_FFMPEG = (
    (rb"(RIFF|RIFX|RF64|BW64)....AVI ", "an AVI video", "avi"),
    (rb"(RIFF|RIFX|RF64|BW64)....QLCM", "a QCP file", "qcp"),
    (rb"....ftypM4A ", "an MPEG-4 file (M4A)", "mov"),
    (rb"....ftypM4B ", "an MPEG-4 file (M4B)", "mov"),
    (rb"....ftyp3gp", "an MPEG-4 file (3GP)", "mov"),
    (rb"....ftypqt  ", "an MPEG-4 file (QuickTime)", "mov"),
    (rb"....ftyp(?!hei[cx]|mif1|msf1|avif)", "an MPEG-4 file (MP4)", "mov"),
    (rb"....(moov|mdat|wide|free|skip|moof|styp|sidx|pnot)", "an MPEG-4 file (QuickTime)", "mov"),
    (rb"\x1a\x45\xdf\xa3", "a Matroska or WebM file", "matroska"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (WMA, ASF)", "asf"),
    (rb"Creative Voice File", "a VOC file", "voc"),
    (rb"nut/multimedia container", "a NUT file", "nut"),
    (rb"\.SoX|XoS\.", "a SoX file", "sox"),
    (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01", "an MXF video", "mxf"),
    (rb"#!AMR", "an AMR file", "amr"),
    (rb"FLV\x01", "a Flash video file", "flv"),
    (rb"\x00\x00\x01\xba", "an MPEG video file", "mpeg"),
    (rb"\x0b\x77", "a Dolby Digital file (AC-3)", "ac3"),
    (rb"\x7f\xfe\x80\x01", "a DTS file", "dts"),
    (rb"wvpk", "a WavPack file", "wv"),
    (rb"TTA1", "a True Audio file (TTA)", "tta"),
    (rb"MAC ", "a Monkey's Audio file", "ape"),
    (rb"MPCK", "a Musepack file", "mpc8"),
    (rb"MP\+", "a Musepack file", "mpc"),
    (rb"tBaK", "a TAK file", "tak"),
    (rb"ea3", "a Sony OpenMG file", "oma"),
    (rb"DSD ", "a DSD file", "dsf"),
    (rb"FRM8", "a DSD file", "iff"),
    (rb"\.RMF", "a RealMedia file", "rm"),
    (rb"\.ra\xfd", "a RealAudio file", "rm"),
    (rb"qoaf", "a QOA file", "qoa"),
    (rb"ajkg", "a Shorten file", "shn"),
    (rb"ADIF", "an AAC file (ADIF)", "aac"),
    (rb"\x1f\x07\x00", "a DV video", "dv"),
    (rb"G.{187}G.{187}G.{24}", "an MPEG transport stream", "mpegts"),
    (rb"....G.{191}G.{191}G.{12}", "an MPEG transport stream (M2TS)", "mpegts"),
)
_REPLACED = "It was downloaded in place of the recording. Download the recording itself"
_UNPACK = "Unpack it and name what is inside"
_NO_SOUND = "Name a recording"
_STRIP = "Save the recording alone, without the lines around it"
_LISTED = "Name the recordings that it lists"
_NUMPY = "Load it in Python, and give the array with rate_hz"
_FETCH = "Fetch the recording with: git"
_UNFINISHED = "It was never written to its end, or has no header. Copy or record it again"
_ROWS_OTHER = (
    (
        rb"version https://git-lfs",
        "a Git LFS pointer, which stands for the recording",
        f"{_FETCH} lfs pull",
    ),
    (
        rb"/annex/objects/",
        "a git-annex pointer, which stands for the recording",
        f"{_FETCH} annex get",
    ),
    (rb"PK\x03\x04", "a zip archive", _UNPACK),
    (rb"PK\x05\x06", "an empty zip archive", _UNPACK),
    (rb"\x1f\x8b", "a file compressed with gzip", _UNPACK),
    (rb"BZh", "a file compressed with bzip2", _UNPACK),
    (rb"\xfd7zXZ", "a file compressed with xz", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a file compressed with zstd", _UNPACK),
    (rb"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (rb"Rar!", "a RAR archive", _UNPACK),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (rb"%PDF", "a PDF document", _NO_SOUND),
    (rb"\x89PNG", "a picture (PNG)", _NO_SOUND),
    (rb"\xff\xd8\xff", "a picture (JPEG)", _NO_SOUND),
    (rb"GIF8", "a picture (GIF)", _NO_SOUND),
    (rb"II\*\x00|MM\x00\*", "a picture (TIFF)", _NO_SOUND),
    (rb"(RIFF|RIFX|RF64|BW64)....WEBP", "a picture (WebP)", _NO_SOUND),
    (rb"....ftyp", "a picture (HEIF)", _NO_SOUND),
    (rb"MThd", "a MIDI file, which holds notes and no sound", _NO_SOUND),
    (rb"\x93NUMPY", "a NumPy array", _NUMPY),
    (rb"\x89HDF", "an HDF5 file", _NO_SOUND),
    (rb"SQLite format 3", "an SQLite database", _NO_SOUND),
    (rb"PAR1", "a Parquet table", _NO_SOUND),
    (rb"\x7fELF|MZ", "a program", _NO_SOUND),
    (rb"\x00\x05\x16\x07", "a file in which macOS keeps notes on another", _NO_SOUND),
    (rb"HTTP/1\.", "an answer of a web server, with its header", _STRIP),
    (rb"------WebKitForm", "a web form", _STRIP),
    (rb"\{\\rtf", "a text document (RTF)", _NO_SOUND),
    (rb"#EXTM3U|\[playlist\]", "a playlist", _LISTED),
    (rb"\x00+\Z", "zeros from its beginning on", _UNFINISHED),
    (rb"BM....\x00{4}", "a picture (BMP)", _NO_SOUND),
    (rb"\x80[\x02-\x05]", "a Python pickle", _NO_SOUND),
    (rb"\x08[\x00-\x1f][\x12\x3a\x42]", "an ONNX model", _NO_SOUND),
)


_CORE = [(mark, Kind(name, CORE, form)) for mark, name, form in _ROWS_CORE]
_FFMPEG = [(mark, Kind(name, FFMPEG, form)) for mark, name, form in _ROWS_FFMPEG]
_OTHERS = [(mark, Kind(name, remedy=remedy)) for mark, name, remedy in _ROWS_OTHER]
ZEROS = next(kind for _, kind in _OTHERS if kind.remedy is _UNFINISHED)
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def identify(head: bytes) -> Kind | None:
    """Kind of a file that begins with these bytes.

    Parameters
    ----------
    head : bytes
        The first 4,096 bytes, or all if there are fewer.

    Returns
    -------
    Kind or None
        None if they are not known.

    Examples
    --------
    >>> identify(b"fLaC" + bytes(40)).name
    'a FLAC file'
    """
    if kind := _look_up(_CORE, head):
        return kind
    text = _identify_text(head)
    if text is None and (kind := _look_up(_FFMPEG, head)):
        return kind
    if _has_frames(head, measure_adts):
        return Kind("an AAC file", FFMPEG, "aac")
    if _has_frames(head, _measure_loas):
        return Kind("an AAC file (LOAS)", FFMPEG, "loas")
    return _look_up(_OTHERS, head) or text


def _look_up(rows: list[tuple[bytes, Kind]], head: bytes) -> Kind | None:
    # Compiled when used: most programs need few of these marks.
    return next((kind for mark, kind in rows if re.match(mark, head, re.DOTALL)), None)


def _has_frames(head: bytes, read_size: Callable[[bytes], int]) -> bool:
    """True if two frames follow each other, or one is all."""
    size = read_size(head)
    return size > 0 and (size >= len(head) or read_size(head[size:]) > 0)


def measure_adts(head: bytes) -> int:
    """Bytes of the AAC frame that begins here; 0 if none does."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def _measure_loas(head: bytes) -> int:
    if len(head) < 3 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return 0
    return ((head[1] & 0x1F) << 8 | head[2]) + 3


def _measure_mpeg(head: bytes) -> int:
    frame = parse_frame(head[:4])
    return frame.size if frame else 0


_JSON = re.compile(r"""\{\s*["}]|\[\s*[\[\]{"\d-]""")
_BASE64 = re.compile(
    r"data:(audio|video)/[^,]*;base64,|(uklgr|t2dnu|zkxhq|gkxfo|suqz|aaaa)[a-z0-9+/]{40}"
)
"""Base64 of RIFF, Ogg, FLAC, Matroska, ID3 and MPEG-4, in small letters."""


def _identify_text(head: bytes) -> Kind | None:
    text = _decode_text(head)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<script")):
        return Kind("a web page (HTML)", remedy=_REPLACED)
    if start.startswith("<"):
        return Kind("an XML file", remedy=_REPLACED)
    if _BASE64.match(start):
        return Kind("text that stands for a recording (Base64)", remedy="Decode it: base64 -d")
    if _JSON.match(start):
        return Kind("a JSON file", remedy=_REPLACED)
    return Kind(
        "text",
        remedy="Name a recording; a list of recordings goes with --list, a table with --dataset",
    )


def _decode_text(head: bytes) -> str | None:
    """Text in the bytes; None if they are no text."""
    for encoding, marks in (("utf-16", (b"\xff\xfe", b"\xfe\xff")), ("utf-8", (b"",))):
        if head.startswith(marks):
            # A mark of several bytes may be cut at the end.
            for cut in range(4):
                try:
                    text = head[: len(head) - cut].decode(encoding)
                except UnicodeDecodeError:
                    continue
                return text if _is_plain(text) else None
    return None


def _is_plain(text: str) -> bool:
    return bool(text) and not any(mark < " " and mark not in "\t\r\n\f\x1b" for mark in text)


def is_recording(path: Path) -> bool:
    """True if a file of a folder is a recording: by its name, or else by its first bytes.

    Returns
    -------
    bool
        False for hidden files, and for those that cannot be opened under another name.
    """
    if path.name.startswith("."):
        return False
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except (OSError, ValueError):
        return False
    kind = identify(head)
    if kind is None:
        return bool(measure_id3(head)) or _has_frames(head, _measure_mpeg)
    return bool(kind.reader)


@dataclass(frozen=True)
class Frame:
    """Header of one frame of MPEG audio.

    Parameters
    ----------
    size : int
        Bytes, header included.
    samples : int
        A channel.
    rate_hz : int
    channels : int
    kind : tuple of int
        Version and layer: constant in a stream.
    """

    size: int
    samples: int
    rate_hz: int
    channels: int
    kind: tuple[int, int]


_frames: dict[int, Frame | None] = {}


def parse_frame(header: bytes) -> Frame | None:
    """Header of a frame of MPEG audio; None if these four bytes are none."""
    if len(header) < 4 or header[0] != 0xFF:
        return None
    value = int.from_bytes(header[:4], "big") & 0xFFFF_FEC0  # the bits that a length depends on
    if value not in _frames:
        if len(_frames) > 10_000:
            _frames.clear()
        _frames[value] = _parse(value)
    return _frames[value]


def _parse(value: int) -> Frame | None:
    version, layer = value >> 19 & 3, value >> 17 & 3
    kbit, rate, padding = value >> 12 & 15, value >> 10 & 3, value >> 9 & 1
    if value >> 21 != 0x7FF or version == 1 or not layer or kbit in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    rate_hz = _RATES_HZ[version][rate]
    bits = _KBITS[is_first, layer][kbit - 1] * 1000
    channels = 1 if value >> 6 & 3 == 3 else 2
    if layer == 3:
        return Frame((12 * bits // rate_hz + padding) * 4, 384, rate_hz, channels, (version, layer))
    samples = 1152 if is_first or layer == 2 else 576
    size = samples // 8 * bits // rate_hz + padding
    return Frame(size, samples, rate_hz, channels, (version, layer))


def measure_id3(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins here; 0 if none does."""
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def measure_ape(head: bytes) -> int:
    """Bytes of the APE tag that begins here; 0 if none does."""
    if len(head) < 32 or head[:8] != b"APETAGEX":
        return 0
    has_header = head[23] >> 7 & 1 or head[23] >> 5 & 1
    return int.from_bytes(head[12:16], "little") + (32 if has_header else 0)
