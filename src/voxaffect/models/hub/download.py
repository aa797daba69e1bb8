"""Model files of the hub: from the cache, or fetched into it, up to a size, with their checksum."""

from __future__ import annotations

import re
from functools import partial
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

from voxaffect.console import show_progress, stderr_is_terminal
from voxaffect.errors import HubError
from voxaffect.files import read_bounded
from voxaffect.models.hub.address import COMMIT, HubAddress, parse_address
from voxaffect.models.hub.client import make_headers, open_hub
from voxaffect.models.model import MAX_MODEL_BYTES

_BRANCH = "main"
_MOST_TIMES = 3
"""Most that is received of a file, in its sizes: a broken download may start anew."""
_CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""Name of a file in the cache: of a large one its SHA-256, otherwise git's SHA-1."""


def fetch_model(name: str) -> tuple[bytes, str]:
    """Content of a model file on the hub, and its name with the commit.

    Nothing is requested for a commit that is in the cache, nor with ``HF_HUB_OFFLINE``.

    Parameters
    ----------
    name : str
        As ``hf:owner/name@revision``.

    Raises
    ------
    HubError
        If there is no such file, it is too large or damaged, or cannot be fetched.
    MissingExtraError
        If huggingface_hub is not installed.

    Examples
    --------
    >>> content, name = fetch_model("hf:ann/calls")  # doctest: +SKIP
    """
    address = parse_address(name)
    with open_hub(name) as hub:
        is_offline = hub.constants.is_offline_mode()
        path = _find_cached(hub, address) if address.is_pinned or is_offline else None
        if path is None and is_offline:
            raise HubError(
                f"{name}: not in the cache, {hub.constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE is "
                "set. Unset it once to fetch the model."
            )
        checksum = ""
        if path is None:
            path, checksum = _download(hub, address, name)
    content = read_bounded(path, limit=MAX_MODEL_BYTES, what="a model file", error=HubError)
    _check_content(content, checksum or path.resolve().name, path, name)
    return content, str(address.pin(_get_commit(path, address)))


def _find_cached(hub: Any, address: HubAddress) -> Path | None:
    revision = address.revision or _BRANCH
    path = hub.try_to_load_from_cache(address.repository, address.file, revision=revision)
    is_commit = isinstance(path, str) and COMMIT.fullmatch(_get_commit(Path(path), address))
    return Path(path) if is_commit else None


def _get_commit(path: Path, address: HubAddress) -> str:
    """Commit in the path of a file in the cache."""
    return path.parents[address.file.count("/")].name


def _download(hub: Any, address: HubAddress, name: str) -> tuple[Path, str]:
    """Path of the file in the cache after it was fetched, and its checksum."""
    revision = address.revision or _BRANCH
    headers = make_headers()
    url = hub.hf_hub_url(address.repository, address.file, revision=revision)
    stated = hub.get_hf_file_metadata(url, headers=headers)
    commit, checksum = stated.commit_hash or "", stated.etag or ""
    if not (COMMIT.fullmatch(commit) and _CHECKSUM.fullmatch(checksum)):
        raise HubError(f"{name}: the hub states no commit or checksum of the file.")
    if stated.size is None or not 0 < stated.size <= MAX_MODEL_BYTES:
        size = "no size" if stated.size is None else f"{stated.size:,} bytes"
        raise HubError(
            f"{name}: expected a model file, at most {MAX_MODEL_BYTES:,} bytes, and the hub states "
            f"{size}. It is not fetched."
        )
    text = hub.hf_hub_download(
        address.repository,
        address.file,
        revision=revision,
        headers=headers,
        tqdm_class=partial(_Meter, most=_MOST_TIMES * stated.size),
    )
    path = Path(text)
    if _get_commit(path, address) != commit:
        raise HubError(f"{name}: the repository has changed meanwhile. Start again.")
    return path, checksum


class _Meter:
    """Progress bar that ends a download of more than was announced.

    A server that breaks off and starts anew would otherwise never end.
    """

    def __init__(self, *, most: int, total: int | None = None, **_: Any) -> None:
        self._received, self._most = 0, most
        self._bar = show_progress(
            title="model", is_shown=stderr_is_terminal(), total=total, unit="B", unit_scale=True
        )

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, count: int) -> None:
        """Count what arrived."""
        self._received += max(count, 0)
        if self._received > self._most:
            raise OSError("more bytes than announced")
        self._bar.update(count)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


def _check_content(content: bytes, checksum: str, path: Path, name: str) -> None:
    """Refuse a file that has not the checksum by which the hub, or the cache, names it.

    Without links, the cache does not name it so; then the checksum in the model file remains.
    """
    if not _CHECKSUM.fullmatch(checksum):
        return
    if len(checksum) == sha256().digest_size * 2:
        actual = sha256(content).hexdigest()
    else:  # git's name of a small file, which no security depends on
        head = f"blob {len(content)}\0".encode()
        actual = sha1(head + content, usedforsecurity=False).hexdigest()
    if actual != checksum:
        raise HubError(
            f"{name}: the checksum is {actual}, expected {checksum}: the file is damaged. Remove "
            f"it, and start again: {path.resolve()}"
        )
