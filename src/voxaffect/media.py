"""Names of files that hold sound."""

from __future__ import annotations

AUDIO_EXTENSIONS = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf",
     ".w64", ".rf64"}
)  # fmt: skip
EXTENSIONS = AUDIO_EXTENSIONS
