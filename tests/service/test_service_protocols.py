"""Transports of connections: what is written at once is sent at once, in order."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, strategies as st

from voxaffect.service.protocols import _JoiningTransport


class Record:
    """Transport that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def write(self, part: bytes) -> None:
        self.calls.append(part)

    def close(self) -> None:
        self.calls.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.calls

    def get_write_buffer_size(self) -> int:
        return 100


def use(steps: list[list[bytes]], *, close: bool) -> tuple[list[bytes | str], list[int]]:
    """Calls that a transport gets, and the sizes of its buffer after each step."""
    record, sizes = Record(), []

    async def write() -> None:
        transport: Any = _JoiningTransport(record, asyncio.get_running_loop())  # type: ignore[arg-type]
        for parts in steps:
            for part in parts:
                transport.write(part)
            sizes.append(transport.get_write_buffer_size())
            if parts is not steps[-1] or not close:
                await asyncio.sleep(0)
        if close:
            transport.close()
            transport.write(b"too late")
            await asyncio.sleep(0)

    asyncio.run(write())
    return record.calls, sizes


_STEPS = st.lists(st.lists(st.binary(min_size=1, max_size=4), max_size=3), min_size=1, max_size=4)


@given(_STEPS)
def test_parts_of_one_step_are_sent_as_one(steps: list[list[bytes]]) -> None:
    calls, sizes = use(steps, close=False)
    assert calls == [b"".join(parts) for parts in steps if parts]
    assert sizes == [100 + sum(map(len, parts)) for parts in steps]


@given(_STEPS)
def test_closing_sends_first_and_nothing_is_sent_after_it(steps: list[list[bytes]]) -> None:
    calls, _ = use(steps, close=True)
    assert calls == [*[b"".join(parts) for parts in steps if parts], "closed"]


def test_much_is_not_held_back() -> None:
    calls, sizes = use([[b"head", bytes(70_000), b"rest"]], close=False)
    assert calls == [b"head" + bytes(70_000), b"rest"]
    assert sizes == [104]
