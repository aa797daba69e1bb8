"""A worker process: reads work and items from standard input, writes results to its output.

Each message is a frame: eight bytes of length, then a pickled value. So a value that cannot be
read leaves the pipe in order.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

READY = b"\0voxaffect worker\0"
"""What the first reply follows: before it stands what Python's start-up printed."""
NO_MEMORY = 12
"""Exit code, after the error number ENOMEM."""
_STANDARD_ERROR = 2
_LENGTH_BYTES = 8
_OOM_SCORE = "500"


def main() -> None:
    """Serve the parent until it closes the pipe or is no more."""
    requests = sys.stdin.buffer
    _prefer_as_victim()
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
    except (EOFError, OSError):
        os._exit(0)  # at once: there is nothing to write and nobody to tell
    except MemoryError:
        os._exit(NO_MEMORY)  # not even an error could be sent


def _prefer_as_victim() -> None:
    """Let Linux, when memory runs out, end this process rather than its parent."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def send(stream: BinaryIO, content: bytes) -> None:
    """Write a frame."""
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read a frame.

    Raises
    ------
    EOFError
        If the other end is closed.
    """
    header = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(header, "big")
    content = stream.read(length)
    if len(header) < _LENGTH_BYTES or len(content) < length:
        raise EOFError
    return content


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
        sent = receive(requests)
        request, error = _loaded(sent)
        if isinstance(request, bytes):
            taken, _ = _loaded(request)
            work = taken or work
            answer = pickle.dumps(taken is not None)
        else:
            answer = _as_bytes(error) if error else _answer(work, *request)
        send(replies, answer)


def _loaded(sent: bytes) -> tuple[Any, Exception | None]:
    """Return a value, or None and an error: importing what it needs may raise anything."""
    try:
        return pickle.loads(sent), None
    except Exception as error:
        return None, error


def _answer(work: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps((work(item), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # any, memory that runs out too: the parent raises it
        with suppress(MemoryError):
            error.add_note("in a worker process:\n" + traceback.format_exc())
        return _as_bytes(error)


def _as_bytes(error: Exception) -> bytes:
    try:
        sent = pickle.dumps((None, error))
        pickle.loads(sent)  # some can be written, and not read
    except Exception:
        return pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error)))))
    return sent
