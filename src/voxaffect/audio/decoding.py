"""Decoding: the first bytes of a recording decide which library decodes it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from voxaffect.audio import boxes, chunks, libsndfile, mpeg
from voxaffect.audio.content import Content, View
from voxaffect.audio.flac import lay_out_flac
from voxaffect.audio.ogg import lay_out_ogg
from voxaffect.audio.parts import BLOCK_SECONDS, Block, Blocks, Part
from voxaffect.errors import AudioError, AudioProblem
from voxaffect.files.media import CORE, HEAD_BYTES, ZEROS, Kind, identify, measure_ape, measure_id3

_UNKNOWN = Kind("", CORE, "other")
_MPEG = Kind("a file of MPEG audio (MP3)", CORE, "mpeg")
_MAX_TAGS = 16
_ALSO_FFMPEG = frozenset({"wav", "w64", "aiff", "au", "caf", "ogg"})
_BARE_NAMES = ".raw .pcm .al .alaw .ul .ulaw .mulaw .vox .g711 .g722 .gsm .s16 .sw .bin .dat"
"""Names of samples without a header."""
_CHUNKED: Mapping[str, Callable[[Content, int], Part]] = {
    "w64": chunks.lay_out_w64,
    "aiff": chunks.lay_out_aiff,
    "au": chunks.lay_out_au,
    "caf": chunks.lay_out_caf,
    "nist": chunks.lay_out_nist,
    "svx": chunks.lay_out_svx,
}


@contextmanager
def decode(content: Content, block_seconds: float = BLOCK_SECONDS) -> Iterator[Blocks]:
    """Open a recording of any kind."""
    start = _skip_tags(content)
    kind = _identify(content, start)
    if not kind.reader:
        raise AudioError(
            f"{content.name}: not readable as audio (it is {kind.name}). {kind.remedy}.",
            code="unsupported_format",
        )
    parts = _lay_out(content, start, kind) if kind.reader == CORE else None
    with ExitStack() as stack:
        blocks = None
        if parts is not None:
            blocks = _open_parts(content, parts, kind, stack, block_seconds)
        else:
            boxes.check_whole(content, start, kind.format)
        if blocks is None:
            from voxaffect.audio import ffmpeg  # imports modules that most recordings do not need

            if kind.reader == CORE:
                kind = replace(kind, name=f"{kind.name} with a rare codec")
            blocks = stack.enter_context(ffmpeg.decode(content, start, kind))
        yield blocks


def _skip_tags(content: Content) -> int:
    """Offset behind the ID3 and APE tags that programs put in front of any kind of file."""
    start = 0
    for _ in range(_MAX_TAGS):
        head = content.read(start, 32)
        size = measure_id3(head) or measure_ape(head)
        if not size or start + size >= content.size:
            break
        start += size
    return start


def _identify(content: Content, start: int) -> Kind:
    kind = identify(content.read(start, HEAD_BYTES))
    is_unclear = kind is None or kind is ZEROS
    if is_unclear and mpeg.find_first_frame(content, start, content.size) is not None:
        return _MPEG
    return kind or _UNKNOWN


def _lay_out(content: Content, start: int, kind: Kind) -> Sequence[Part] | None:
    """Parts for libsndfile; None if it cannot decode them."""
    if kind.format == "wav":
        sound = chunks.find_wav_sound(content, start)
        if sound.format_tag in chunks.MPEG_IN_WAV:
            return [mpeg.lay_out_mpeg(content, sound.start, sound.end)]
        return [chunks.lay_out_wav(content, start, sound)]
    if kind.format in _CHUNKED:
        return [_CHUNKED[kind.format](content, start)]
    if kind.format == "mpeg":
        return [mpeg.lay_out_mpeg(content, start, content.size)]
    if kind.format == "flac":
        has_tag = content.read(max(0, content.size - 128), 3) == b"TAG"
        return lay_out_flac(content, start, content.size - (128 if has_tag else 0))
    if kind.format == "ogg":
        return lay_out_ogg(content, start)
    return [Part(View(content, [(start, content.size)]))]


def _open_parts(
    content: Content, parts: Sequence[Part], kind: Kind, stack: ExitStack, block_seconds: float
) -> Blocks | None:
    """Open with libsndfile; None if it does not know the coding, and FFmpeg may."""
    try:
        first = stack.enter_context(libsndfile.open_part(parts[0], block_seconds))
    except libsndfile.OpenError as error:
        if kind is _UNKNOWN:
            raise _unknown_error(content.name, error) from error
        remedy = "Copy or download it again."
        code: AudioProblem = "damaged"
        if kind.format in _ALSO_FFMPEG:
            from voxaffect.audio import ffmpeg

            if ffmpeg.is_installed():
                return None
            remedy, code = f"Its coding may need FFmpeg. {ffmpeg.INSTALL}", "unsupported_format"
        reason = f"not readable as {kind.name} ({error})"
        raise AudioError(f"{content.name}: {reason}. {remedy}", code=code) from error
    if len(parts) == 1:
        return first
    return replace(first, frames=0, blocks=_chain(first, parts[1:]), seek=None)


def _chain(first: Blocks, others: Sequence[Part]) -> Iterator[Block]:
    """Blocks of all parts; they must be of one rate and one number of channels."""
    yield from first
    name = first.name
    for part in others:
        with ExitStack() as stack:
            try:
                blocks = stack.enter_context(libsndfile.open_part(part))
            except libsndfile.OpenError as error:
                raise AudioError(
                    f"{name}: a later part of it is not readable ({error}). Take its parts apart."
                ) from error
            if (blocks.rate_hz, blocks.channels) != (first.rate_hz, first.channels):
                raise AudioError(
                    f"{name}: joined from recordings of {first.rate_hz} Hz, {first.channels} "
                    f"channels, and {blocks.rate_hz} Hz, {blocks.channels} channels. Take them "
                    "apart."
                )
            yield from blocks


def _unknown_error(name: str, error: Exception) -> AudioError:
    path = Path(name)
    if path.suffix.lower() in _BARE_NAMES.split():
        return AudioError(
            f"{name}: not readable as audio ({error}). It may hold bare samples, whose kind no "
            "header states. If you know it, convert it with, for example: ffmpeg -f s16le "
            f"-ar 16000 -ac 1 -i {shlex.quote(name)} {shlex.quote(f'{path.stem}.wav')}",
            code="unsupported_format",
        )
    source, target = "FILE", "FILE.wav"
    if not name.startswith("<"):
        source, target = shlex.quote(name), shlex.quote(str(path.with_suffix(".converted.wav")))
    return AudioError(
        f"{name}: not readable as audio ({error}). If a player can play it, convert it with: "
        f"ffmpeg -i {source} {target}",
        code="unsupported_format",
    )
