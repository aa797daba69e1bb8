"""Sound of a recording, compressed for the player of a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voxaffect.audio import Block, open_blocks
from voxaffect.outputs.envelope import select_channel

RATE_HZ = 16_000
DELAY_SECONDS = 1_105 / RATE_HZ
"""Of MP3: what encoder and decoder put before the sound."""
_LOWEST_KBPS, _HIGHEST_KBPS = 8, 160
"""Of MP3 at this rate; libsndfile takes a level between them."""
_KBPS = {1: 32, 2: 56}
"""By number of channels. At a constant rate, a player seeks exactly."""


def encode_sound(recording: Path | bytes, channels: Sequence[str]) -> bytes:
    """MP3 of a recording at 16 kHz: 14 MB an hour, or 25 MB in stereo.

    All browsers play MP3, and the same recording gives the same bytes.

    Parameters
    ----------
    recording : Path or bytes
        It is read in blocks.
    channels : sequence of str
        As timelines name them: two give stereo, more give their mix.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    names = channels if len(channels) <= 2 else ["mix"]
    count = len(names)
    level = (_HIGHEST_KBPS - _KBPS[count]) / (_HIGHEST_KBPS - _LOWEST_KBPS)
    buffer = io.BytesIO()
    with (
        open_blocks(recording) as blocks,
        soundfile.SoundFile(
            buffer,
            "w",
            RATE_HZ,
            count,
            "MPEG_LAYER_III",
            format="MP3",
            compression_level=level,
            bitrate_mode="CONSTANT",
        ) as file,
    ):
        resampler = soxr.ResampleStream(blocks.rate_hz, RATE_HZ, count, dtype="float32")
        for block in blocks:
            file.write(_clip(resampler.resample_chunk(_select(block, names))))
        rest = np.zeros((0, count), np.float32)
        file.write(_clip(resampler.resample_chunk(rest, last=True)))
    return buffer.getvalue()


def _select(block: Block, names: Sequence[str]) -> Block:
    return np.stack([select_channel(block, name) for name in names], axis=1)


def _clip(samples: Block) -> Block:
    return np.clip(samples, -1, 1)
