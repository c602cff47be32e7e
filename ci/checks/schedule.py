"""Which step runs when: in the order of the table, and beside that those of the background."""

from __future__ import annotations

import selectors
import time
from collections.abc import Sequence
from pathlib import Path

from checks.interruption import Interruption
from checks.report import Report, say, show
from checks.runner import Job
from checks.step import Result, Step, interrupted_by
from vlab.results.outcome import Outcome


class Schedule:
    """At most one step runs in the foreground, whose output is seen as it comes, and one in the
    background, whose output comes whole: once it has ended and the foreground is between steps."""

    def __init__(self, steps: Sequence[Step], report: Report, logs: Path) -> None:
        self._waiting = list(steps)
        self._report = report
        self._logs = logs
        self._begin = time.monotonic()
        self._jobs: list[Job] = []
        self._unseen: list[tuple[Path, Result]] = []
        self._selector = selectors.DefaultSelector()

    def run(self, interruption: Interruption) -> None:
        """Until every step has a result. An interruption ends what runs and starts no other."""
        with self._selector:
            self._selector.register(interruption, selectors.EVENT_READ)
            self._start()
            while self._jobs:
                self._wait()
                if interruption.number:
                    self._selector.unregister(interruption)
                    self._end(interrupted_by(interruption.name))
                self._start()

    def _start(self) -> None:
        """What can start now."""
        for step in list(self._waiting):
            if blocked := next(filter(self._report.blocks, step.needs), None):
                self._leave_out(step, f"{blocked} did not pass")
        for background in (False, True):
            if not any(job.step.background == background for job in self._jobs):
                self._start_next(background)

    def _start_next(self, background: bool) -> None:
        undecided = {step.name for step in self._waiting} | {job.step.name for job in self._jobs}
        for step in self._waiting:
            if step.background == background and undecided.isdisjoint(step.needs):
                self._waiting.remove(step)
                say(f"== {step.name}{' (in the background)' if background else ''}")
                job = Job(step, self._logs / f"{step.name}.log", self._begin)
                self._jobs.append(job)
                for file in (job.output, job.ended):
                    self._selector.register(file, selectors.EVENT_READ)
                return

    def _wait(self) -> None:
        """For the next thing that happens, and takes note of it."""
        for job in self._jobs:
            job.check_limit()
        ready = self._selector.select(min(job.remaining() for job in self._jobs))
        files = {key.fd for key, _ in ready}
        for job in list(self._jobs):
            over = job.ended in files
            while said := job.hear():  # of one that is over, all that it said
                if not job.step.background:
                    show(said)
                if not over:
                    break  # one that always has more to say has its limit too
            if over:
                self._finish(job)

    def _finish(self, job: Job) -> None:
        self._jobs.remove(job)
        for file in (job.output, job.ended):
            self._selector.unregister(file)
        result = job.finish()
        self._report.add(result)
        if job.step.background:
            self._unseen.append((job.log, result))
        else:
            say(f"== {result}")
        if all(one.step.background for one in self._jobs):
            for log, ended in self._unseen:
                show(log.read_bytes())
                say(f"== {ended}")
            self._unseen.clear()

    def _end(self, why: str) -> None:
        for job in self._jobs:
            job.end(why)
        while self._jobs:
            self._wait()
        for step in list(self._waiting):
            self._leave_out(step, why)

    def _leave_out(self, step: Step, why: str) -> None:
        self._waiting.remove(step)
        self._report.add(Result(step.name, Outcome.SKIPPED, why, blocks=True))
        say(f"== {step.name}: not run: {why}")
