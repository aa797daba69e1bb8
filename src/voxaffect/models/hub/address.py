"""Names of models on the hub: ``hf:owner/name@revision:file``, read strictly.

Every part becomes a part of a path and of a web address, so none may leave its folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from voxaffect.errors import HubError
from voxaffect.files.text import escape_control

PREFIX = "hf:"
MODEL_FILE = "model.onnx"
"""File of a repository that is loaded if none is named, and that ``push`` writes."""
_EXPECTED = "Expected hf:owner/name, hf:owner/name@revision or hf:owner/name@revision:file.onnx"
_PARTS = re.compile(r"([^@:]*)(?:@([^:]*))?(?::(.*))?", re.DOTALL)
_REPOSITORY = re.compile(r"(?:\w(?:[\w.-]*\w)?)/(?:\w(?:[\w.-]*\w)?)", re.ASCII)
_LONGEST_REPOSITORY = 96
_REVISION = re.compile(r"\w[\w.+-]*(?:/\w[\w.+-]*)*", re.ASCII)
_FILE = re.compile(r"\w[\w. +-]*(?:/\w[\w. +-]*)*\.onnx", re.ASCII)
_LONGEST_PART = 200
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubAddress:
    """Model file of a repository on the hub.

    Parameters
    ----------
    repository : str
        As ``owner/name``.
    revision : str, optional
        Branch, tag or commit; by default the main branch.
    file : str
        Path in the repository.
    """

    repository: str
    revision: str | None = None
    file: str = MODEL_FILE

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        file = "" if self.file == MODEL_FILE else f":{self.file}"
        return f"{PREFIX}{self.repository}{revision}{file}"

    @property
    def is_pinned(self) -> bool:
        """True if the revision is a whole commit, which never changes."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None

    @property
    def short_name(self) -> str:
        """Name of the repository without its owner; of another file, its own."""
        if self.file != MODEL_FILE:
            return PurePosixPath(self.file).stem
        return self.repository.partition("/")[2]

    def pin(self, commit: str) -> HubAddress:
        """Return the address of the same file in a commit."""
        return replace(self, revision=commit)


def is_hub_address(model: object) -> bool:
    """Report whether a model is named by an address on the hub; a ``Path`` is always a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> is_hub_address("hf:ann/calls"), is_hub_address("./hf:ann"), is_hub_address(Path("hf:ann"))
    (True, False, False)
    """
    return isinstance(model, str) and model.startswith(PREFIX)


def parse_address(text: str) -> HubAddress:
    """Address of a model on the hub, from its name.

    Raises
    ------
    HubError
        If it is no such name, or a part of it could lead out of its folder.

    Examples
    --------
    >>> parse_address("hf:ann/calls@v2").revision
    'v2'
    """
    parts = _PARTS.fullmatch(text.removeprefix(PREFIX))
    if not text.startswith(PREFIX) or parts is None:
        raise HubError(f"{escape_control(text)}: not a name of the hub. {_EXPECTED}.")
    repository, revision, file = parts.groups()
    if reason := _explain_parts(repository, revision, file):
        raise HubError(f"{escape_control(text)}: {reason}. {_EXPECTED}.")
    return HubAddress(repository, revision, MODEL_FILE if file is None else file)


def _explain_parts(repository: str, revision: str | None, file: str | None) -> str:
    """Reason that a part cannot be one; empty if there is none."""
    if (
        not _REPOSITORY.fullmatch(repository)
        or len(repository) > _LONGEST_REPOSITORY
        or any(mark in repository for mark in ("--", ".."))
        or repository.endswith(".git")
    ):
        return f"{repository!r} is no owner/name of a repository"
    if revision is not None and not _is_path(_REVISION, revision):
        return f"{revision!r} is no branch, tag or commit"
    if file is not None and not _is_path(_FILE, file):
        return f"{file!r} is no file that ends in .onnx"
    return ""


def _is_path(pattern: re.Pattern[str], text: str) -> bool:
    return len(text) <= _LONGEST_PART and ".." not in text and bool(pattern.fullmatch(text))
