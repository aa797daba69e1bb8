"""Checksum of a model file: the last metadata entry holds the SHA-256 of all bytes before it.

It finds damage and changes by accident. It is no signature: whoever changes a file on purpose
can write the checksum anew.
"""

from __future__ import annotations

from hashlib import sha256

from voxaffect.errors import ModelError

_KEY = b"voxaffect_sha256"
_DIGITS = 64
_ENTRY = b"".join(
    [
        bytes([14 << 3 | 2, 2 + len(_KEY) + 2 + _DIGITS]),  # ModelProto.metadata_props
        bytes([1 << 3 | 2, len(_KEY)]) + _KEY,  # StringStringEntryProto.key
        bytes([2 << 3 | 2, _DIGITS]),  # StringStringEntryProto.value, less its digits
    ]
)
"""What stands before the digits, as protocol buffers write it."""


def add_checksum(content: bytes) -> bytes:
    """Model file with its checksum, in place of one that it had."""
    body, _ = _split(content)
    return body + _ENTRY + sha256(body).hexdigest().encode("ascii")


def check_checksum(content: bytes, name: str) -> bool:
    """Return whether a file has a checksum, and refuse one that was changed.

    Raises
    ------
    ModelError
        If it is not the checksum of the bytes before it.
    """
    body, digits = _split(content)
    if digits and digits != sha256(body).hexdigest().encode("ascii"):
        raise ModelError(
            f"{name}: its checksum does not fit its content: expected SHA-256 "
            f"{digits.decode('ascii', 'backslashreplace')[:12]}…, found "
            f"{sha256(body).hexdigest()[:12]}…. The file is damaged or was changed. Copy it again "
            "from its source."
        )
    return bool(digits)


def _split(content: bytes) -> tuple[bytes, bytes]:
    """Content before the checksum's entry, and the digits; no digits if it does not end in one."""
    start = len(content) - _DIGITS
    if content[max(0, start - len(_ENTRY)) : max(0, start)] != _ENTRY:
        return content, b""
    return content[: start - len(_ENTRY)], content[start:]
