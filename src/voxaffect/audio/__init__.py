"""Sound: from a path, bytes, a stream or an array to blocks, or to one mono ``Signal``.

Conventions: samples are float32 between −1 and 1. A ``Signal`` is mono and one-dimensional:
several channels are mixed down by their mean; blocks keep them apart. A sample rate is always
given, never assumed.
"""

from voxaffect.audio.arrays import as_block
from voxaffect.audio.blocks import Source, as_signal, open_blocks, open_live, read
from voxaffect.audio.content import MAX_STREAM_BYTES, read_bytes
from voxaffect.audio.excerpts import (
    Excerpt,
    Recording,
    digest_recording,
    get_file,
    read_recording,
)
from voxaffect.audio.parts import Block, Blocks
from voxaffect.audio.signal import (
    MAX_PEAK,
    MAX_RATE_HZ,
    MIN_PEAK,
    MIN_RATE_HZ,
    MIN_SECONDS,
    Fingerprint,
    Mixer,
    Samples,
    Signal,
    check_finite,
    check_rate,
    check_usable,
    fingerprint,
    mix_down,
    resample,
)

__all__ = [
    "MAX_PEAK",
    "MAX_RATE_HZ",
    "MAX_STREAM_BYTES",
    "MIN_PEAK",
    "MIN_RATE_HZ",
    "MIN_SECONDS",
    "Block",
    "Blocks",
    "Excerpt",
    "Fingerprint",
    "Mixer",
    "Recording",
    "Samples",
    "Signal",
    "Source",
    "as_block",
    "as_signal",
    "check_finite",
    "check_rate",
    "check_usable",
    "digest_recording",
    "fingerprint",
    "get_file",
    "mix_down",
    "open_blocks",
    "open_live",
    "read",
    "read_bytes",
    "read_recording",
    "resample",
]
