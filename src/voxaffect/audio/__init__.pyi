from .arrays import as_block as as_block
from .blocks import (
    Source as Source,
    as_signal as as_signal,
    join_blocks as join_blocks,
    open_blocks as open_blocks,
    open_live as open_live,
    read as read,
)
from .content import (
    MAX_STREAM_BYTES as MAX_STREAM_BYTES,
    RandomAccess as RandomAccess,
    read_bytes as read_bytes,
)
from .excerpts import (
    Excerpt as Excerpt,
    Recording as Recording,
    digest_recording as digest_recording,
    get_file as get_file,
    read_recording as read_recording,
    take_part as take_part,
)
from .parts import Block as Block, Blocks as Blocks
from .signal import (
    MAX_PEAK as MAX_PEAK,
    MAX_RATE_HZ as MAX_RATE_HZ,
    MIN_PEAK as MIN_PEAK,
    MIN_RATE_HZ as MIN_RATE_HZ,
    MIN_SECONDS as MIN_SECONDS,
    Fingerprint as Fingerprint,
    Mixer as Mixer,
    Samples as Samples,
    Signal as Signal,
    check_finite as check_finite,
    check_rate as check_rate,
    check_usable as check_usable,
    fingerprint as fingerprint,
    mix_down as mix_down,
    resample as resample,
)
