"""A worker process: reads work and items from standard input, writes results to its output."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

READY = b"\0voxaffect worker\0"
"""What the first reply follows: before it stands what Python's start-up printed."""
NO_MEMORY = 12
"""Exit code, after the error number ENOMEM."""
_STANDARD_ERROR = 2


def main() -> None:
    """Serve the parent until it closes the pipe or is no more."""
    requests = sys.stdin.buffer
    # Whatever a library prints must not come between the replies, nor may they take the place
    # of a standard error that is closed.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(spare, 1)
    try:
        replies.write(READY)
        replies.flush()
        serve(requests, replies)
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(0)  # at once: there is nothing to write and nobody to tell


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer request by request.

    Bytes are pickled work, to do on all items that follow: the reply is whether it could be
    taken in. A tuple holds an item: the reply is a result, or None, and an error, or None.

    Raises
    ------
    EOFError, OSError
        When the other end is closed.
    """
    work: Callable[[Any], Any] = repr
    while True:
        request = pickle.load(requests)
        if isinstance(request, bytes):
            taken = _taken_in(request)
            work = taken or work
            answer = pickle.dumps(taken is not None)
        else:
            answer = _answer(work, *request)
        replies.write(answer)
        replies.flush()


def _taken_in(sent: bytes) -> Callable[[Any], Any] | None:
    try:
        work: Callable[[Any], Any] = pickle.loads(sent)
    except Exception:  # importing may raise anything; the parent then works by itself
        return None
    return work


def _answer(work: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps((work(item), None), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        os._exit(NO_MEMORY)  # as if the system had ended it: the parent says what to do
    except Exception as error:  # any: the parent raises it
        error.add_note("in a worker process:\n" + traceback.format_exc())
        return _as_bytes(error)


def _as_bytes(error: Exception) -> bytes:
    try:
        sent = pickle.dumps((None, error))
        pickle.loads(sent)  # some can be written, and not read
    except Exception:
        return pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error)))))
    return sent
