"""Many commands, a few at a time, each with a limit of its own. None outlives the call."""

from __future__ import annotations

import math
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Protocol, TextIO

from vlab.base.deadline import Deadline
from vlab.base.process import end, spawn

_GRACE_S = 10  # for a command to clean up after SIGTERM


@dataclass(frozen=True)
class Job:
    """What it prints goes to `log`; without one it is printed here, whole, in the order of the
    jobs. The first of those that still run is seen live. `folder`: where it leaves its results, a
    word of its command; an engine that may run a job twice has each write one of its own."""

    name: str
    command: Sequence[str]
    limit_s: float | None = None
    log: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Ended:
    """`status` is None for a job that timed out. `trouble`: why it was not the job that ended so."""

    job: Job
    status: int | None
    seconds: float
    trouble: str = ""


class Run(Protocol):
    """What runs jobs: `run` below, or an engine elsewhere."""

    def __call__(
        self, jobs: Sequence[Job], at_once: int, *, begun: Callable[[Job], None] | None = None,
        ended: Callable[[Ended], None] | None = None,
    ) -> list[Ended]: ...  # fmt: skip


def run(
    jobs: Sequence[Job], at_once: int, *, begun: Callable[[Job], None] | None = None,
    ended: Callable[[Ended], None] | None = None,
) -> list[Ended]:  # fmt: skip
    """Starts `jobs` in their order; returns how they ended, in the same order."""
    waiting = list(enumerate(jobs))
    running: dict[int, _Running] = {}
    printing: list[_Running] = []  # what has not been printed whole, in the order of the jobs
    done: dict[int, Ended] = {}
    with selectors.DefaultSelector() as events:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    number, job = waiting.pop(0)
                    running[number] = _Running(job, events)
                    if job.log is None:
                        printing.append(running[number])
                    if begun is not None:
                        begun(job)
                first = min(one.remaining() for one in running.values())
                for key, _ in events.select(None if first == math.inf else first):
                    key.data()
                for number in [number for number, one in running.items() if one.over()]:
                    done[number] = running.pop(number).finish()
                    if ended is not None:
                        ended(done[number])
                while printing and printing[0].print():
                    printing.pop(0)
        finally:
            for one in running.values():  # all get the signal before the first is waited for
                one.process.terminate()
            for one in running.values():
                one.finish()
    return [done[number] for number in range(len(jobs))]


class _Running:
    """One job. Over when the process and its output have ended, or at its limit."""

    def __init__(self, job: Job, events: selectors.BaseSelector) -> None:
        self.job = job
        self._begin = time.monotonic()
        self._deadline = Deadline(math.inf if job.limit_s is None else job.limit_s)
        self._events = events
        self._open: list[int] = []
        self._finished = False
        self._held: list[tuple[TextIO, bytes]] = []
        if job.log is None:
            self._held.append((sys.stdout, f"{job.name}:\n".encode()))
            self.process = self._spawn(subprocess.PIPE, subprocess.PIPE)
            streams = ((self.process.stdout, sys.stdout), (self.process.stderr, sys.stderr))
            for pipe, target in streams:
                assert pipe is not None
                self._watch(pipe.fileno(), partial(self._hear, pipe.fileno(), target))
        else:
            with open(job.log, "wb") as log:
                self.process = self._spawn(log, subprocess.STDOUT)
        self._pidfd = os.pidfd_open(self.process.pid)
        self._watch(self._pidfd, partial(self._forget, self._pidfd))

    def remaining(self) -> float:
        return self._deadline.remaining()

    def over(self) -> bool:
        return not self._open or self.remaining() == 0

    def finish(self) -> Ended:
        in_time = not self._open
        end(self.process, Deadline(_GRACE_S))
        for descriptor in list(self._open):
            self._forget(descriptor)
        os.close(self._pidfd)
        self._finished = True
        seconds = time.monotonic() - self._begin
        return Ended(self.job, self.process.returncode if in_time else None, seconds)

    def print(self) -> bool:
        """Prints what there is; returns whether that was all."""
        for target, said in self._held:
            target.buffer.write(said)
            target.flush()
        self._held.clear()
        return self._finished

    def _spawn(self, out: int | IO[bytes], err: int) -> subprocess.Popen[bytes]:
        return spawn(
            self.job.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True,  # a Ctrl-C is handled here
        )  # fmt: skip

    def _watch(self, descriptor: int, act: Callable[[], None]) -> None:
        self._events.register(descriptor, selectors.EVENT_READ, act)
        self._open.append(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._events.unregister(descriptor)
        self._open.remove(descriptor)

    def _hear(self, pipe: int, target: TextIO) -> None:
        if said := os.read(pipe, 1 << 16):
            self._held.append((target, said))
        else:
            self._forget(pipe)
