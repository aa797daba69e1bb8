"""Ends of worker processes, as errors."""

from __future__ import annotations

from voxaffect.errors import WorkerError


class DeadWorkerError(WorkerError):
    """A worker process has ended.

    Parameters
    ----------
    name : str
        What it was at work on; empty if that has no name.
    ending : str
        How it ended, with ``{}`` for how often, as in ``was ended{} by SIGKILL``.
    is_memory : bool
        Whether memory may have run out.
    """

    def __init__(self, name: str, ending: str, *, is_memory: bool) -> None:
        self.subject = f"{name}: its worker process" if name else "a worker process"
        self.ending, self.is_memory = ending, is_memory
        cause = "; memory may have run out. Try" if is_memory else ". Try"
        super().__init__(
            f"{self.subject} {ending.format('')}{cause} --workers 1, or --max-seconds."
        )

    def join_second(self, second: DeadWorkerError) -> WorkerError:
        """Return the error of an item that has ended two processes."""
        if self.ending == second.ending:
            ending = self.ending.format(" twice")
        else:
            ending = f"{self.ending.format('')}, a second one {second.ending.format('')}"
        if self.is_memory or second.is_memory:
            remedy = "; memory may have run out. Try --workers 1, or --max-seconds."
        else:
            remedy = ". Convert the recording to WAV, or leave it out."
        return WorkerError(f"{self.subject} {ending}{remedy}")
