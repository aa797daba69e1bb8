"""Library of the hub with telemetry, user-agent extras, bars and advice off; its errors as ours."""

from __future__ import annotations

import errno
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from voxaffect.console import print_message, stderr_is_terminal
from voxaffect.errors import HubError, VoxaffectError, extra
from voxaffect.files import describe_reason, escape_control

_LOCK = threading.RLock()
_OFF: dict[str, Any] = {
    "HF_HUB_DISABLE_TELEMETRY": True,  # also asks the hub for a list of programs to look for
    "HF_HUB_DISABLE_XET": True,  # its transfer goes to other hosts, in code that nobody can watch
    "HF_DEBUG": False,
}
"""Settings of the library inside the block, whatever the environment."""
_SECONDS = 60.0
"""Longest wait for a part of an answer where the library sets no limit."""
_TOKEN = re.compile(r"hf_\w+|(?i:bearer)\s+\S+")
_LOG_IN = "Log in with 'hf auth login', or set HF_TOKEN"
_REASON_LENGTH = 200


@contextmanager
def open_hub(name: str) -> Iterator[Any]:
    """Library huggingface_hub, with its errors inside the block as ``HubError``.

    Parameters
    ----------
    name : str
        Address that messages begin with.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    HubError
        If something fails inside the block.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # also for those who use it after us
    with extra("hub"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on variables that are out of date
        try:
            import huggingface_hub
            from huggingface_hub import constants, errors, utils  # noqa: F401 (hub.errors is used)
        except ValueError as error:  # a variable that is no number
            reason = _shorten(error)
            raise HubError(f"{name}: a variable of huggingface_hub is wrong ({reason}).") from error
    with _LOCK, _set(constants, _OFF), _quiet(utils), _limit_waiting(utils):
        try:
            yield huggingface_hub
        except (VoxaffectError, KeyboardInterrupt):
            raise
        except Exception as error:  # errors of several libraries, without a common base
            reason = _hide_token(_explain(error, constants))
            raise HubError(f"{name}: {reason}") from error


def make_headers() -> dict[str, str]:
    """Headers of each request: the name of voxaffect, and nothing on this machine."""
    from importlib.metadata import version

    return {"user-agent": f"voxaffect/{version('voxaffect')}"}


@contextmanager
def _set(module: Any, values: dict[str, Any]) -> Iterator[None]:
    before = {name: getattr(module, name, None) for name in values}
    try:
        for name, value in values.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextmanager
def _quiet(utils: Any) -> Iterator[None]:
    """Keep the library from printing bars, warnings and what servers advise."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [_WaitHandler()], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with utils.disable_progress_bars():
                yield
    finally:
        logger.handlers, logger.propagate = before


class _WaitHandler(logging.Handler):
    """Handler that prints only, and only on a terminal, that the library waits for the hub."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print that it waits; other messages may hold addresses that nobody else may have."""
        message = record.getMessage()
        if message.startswith(("Rate limited. Waiting", "Retrying in")) and stderr_is_terminal():
            print_message(f"note: the hub: {message}")


@contextmanager
def _limit_waiting(utils: Any) -> Iterator[None]:
    """Let no request wait forever; the library sets no limit for an upload."""
    session = utils.get_session()
    before = session.timeout
    session.timeout = _SECONDS
    try:
        yield
    finally:
        session.timeout = before


def _explain(error: Exception, constants: Any) -> str:
    """Sentence on an error of the library, with a remedy."""
    from huggingface_hub import errors

    kinds: list[tuple[type[Exception], str]] = [
        (errors.LocalTokenNotFoundError, f"no token of the hub. {_LOG_IN}."),
        (errors.OIDCError, f"no token of the hub. {_LOG_IN}."),
        (
            errors.GatedRepoError,
            "the repository is gated. Ask for access on its page on the hub, and log in: "
            "'hf auth login'.",
        ),
        (errors.DisabledRepoError, "the hub has disabled the repository."),
        (
            errors.RevisionNotFoundError,
            "no such revision. Expected a branch, a tag or a commit of the repository.",
        ),
        (
            errors.RemoteEntryNotFoundError,
            "the repository has no such file. Name its model file: hf:owner/name:file.onnx",
        ),
        (
            errors.RepositoryNotFoundError,
            f"no such repository, or a private one. Check the name. {_LOG_IN} of an account that "
            "may read it.",
        ),
        (
            errors.OfflineModeIsEnabled,
            "the hub is not asked, because HF_HUB_OFFLINE is set. Unset it.",
        ),
        (errors.LocalEntryNotFoundError, "the hub does not give the file. Try again later."),
        (errors.FileMetadataError, f"{_get_host(constants)} does not answer as the hub does."),
    ]
    for kind, sentence in kinds:
        if isinstance(error, kind):
            return sentence
    if isinstance(error, errors.HfHubHTTPError):
        return _explain_status(error)
    if isinstance(error, errors.HfHubHTTPError.__bases__[0]):  # of the library for HTTP
        return _explain_connection(error, _get_host(constants))
    if isinstance(error, UnicodeEncodeError):
        return f"the token holds characters that none has. {_LOG_IN}."
    if isinstance(error, OSError):
        return _explain_system(error, constants.HF_HUB_CACHE)
    if isinstance(error.__cause__, errors.BadRequestError):
        return f"the hub refuses the card. {_shorten(error)} Is the license one that it knows?"
    if type(error) is RuntimeError and isinstance(error.__cause__, Exception):  # of an upload
        return _explain(error.__cause__, constants)
    return f"the answer of {_get_host(constants)} is not understood ({_shorten(error)})."


def _explain_status(error: Any) -> str:
    status = int(error.response.status_code)
    message = escape_control(str(error.server_message or "").strip())[:_REASON_LENGTH]
    stated = f" ({message})" if message else ""
    if status == 401:
        return f"the hub does not accept the token{stated}. {_LOG_IN}."
    if status == 403:
        return f"no permission{stated}. Use a token that may do this."
    if status == 404:
        return f"the hub has no such thing{stated}. Check the name."
    if status == 412:
        return "the repository has changed meanwhile. Start again."
    if status == 429:
        return "the hub takes no more requests now. Try again later."
    if status >= 500:
        return f"the hub has a fault (status {status}). Try again later."
    return f"the hub refuses (status {status}){stated}."


def _explain_connection(error: Exception, host: str) -> str:
    kind = type(error).__name__
    remedy = "Check the network, or use a copy in the cache with HF_HUB_OFFLINE=1."
    if "Timeout" in kind:
        return f"{host} did not answer in time. {remedy}"
    if kind == "LocalProtocolError":  # its text shows the header with the token
        return f"the token holds characters that none has. {_LOG_IN}."
    if kind == "UnsupportedProtocol":
        return "HF_ENDPOINT is no address of a hub. Expected one such as https://huggingface.co."
    if kind in ("ConnectError", "ProxyError"):
        return f"{host} cannot be reached ({_shorten(error)}). {remedy}"
    return f"the connection to {host} broke off ({kind}). Try again."


def _explain_system(error: OSError, folder: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left in the cache, {folder}. Free some, or set HF_HUB_CACHE."
    if error.errno is not None:
        return (
            f"the cache, {folder}, cannot be used ({describe_reason(error)}). Set HF_HUB_CACHE to "
            "another folder."
        )
    return "the download broke off: the file has not the size that the hub states. Try again."


def _get_host(constants: Any) -> str:
    """Host of the hub, without the password that an address may hold."""
    return escape_control(urlsplit(str(constants.ENDPOINT)).hostname or "the hub")


def _shorten(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return escape_control(text)[:_REASON_LENGTH]


def _hide_token(text: str) -> str:
    """Text without anything that is, or looks like, a token."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name, "").strip():
            text = text.replace(token, "…")
    return _TOKEN.sub("…", text)
