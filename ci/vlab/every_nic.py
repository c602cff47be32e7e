"""`ci/lab run` without --nic: a lab for each NIC, as many at once as fit.

What a lab says comes whole, one lab after the other. The first that still runs is seen live.
"""

from __future__ import annotations

import argparse
import os
import selectors
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, TextIO

from vlab import build, matrix, tools
from vlab.deadline import Deadline
from vlab.guests import NICS
from vlab.matrix import Cell
from vlab.paths import RESULTS
from vlab.process import end, spawn
from vlab.results import JUNIT, results_folder, summary
from vlab.supplies import Supplies

_GRACE_S = 10  # for a lab to take itself down
# The exit statuses of `run`, the worst last. That a test failed is told even where another lab
# broke; "everything skipped" only where no lab had more to say. Any other (a crash) is worse.
_SEVERITY = (4, 0, 3, 2, 5, 1)


def run(options: argparse.Namespace) -> int:
    programs = build.programs(options.build).resolve()
    cells = _cells(options.kernel, (options.out or RESULTS).resolve())
    for cell in cells:
        with results_folder(cell.out):  # not while another lab writes there
            (cell.out / JUNIT).unlink(missing_ok=True)
    jobs = matrix.jobs_that_fit(matrix.free_memory_mib(), len(os.sched_getaffinity(0)))
    statuses = run_all({cell.name: _command(cell, programs, options) for cell in cells}, jobs)
    reports = [cell.out / JUNIT for cell in cells]
    for cell, report, status in zip(cells, reports, statuses, strict=True):
        said = f"{summary(report)}: {report}" if report.exists() else f"exit status {status}"
        print(f"{cell.name}: {said}")
    print(f"all: {summary(*filter(Path.exists, reports))}", flush=True)
    return worst(statuses)


def worst(statuses: Sequence[int]) -> int:
    return max(statuses, key=lambda one: _SEVERITY.index(one) if one in _SEVERITY else 99)


def _cells(series: str, out: Path) -> list[Cell]:
    """All is fetched here, and not by several labs at once."""
    supplies = Supplies()
    cells = []
    for nic in sorted(NICS, reverse=True):
        kernel = supplies.kernel(series, nic)
        tools.accelerator(supplies.tools, kernel.image)
        cells.append(Cell(nic, kernel.version, out / f"{nic}-{kernel.version}"))
    return cells


def _command(cell: Cell, programs: Path, options: argparse.Namespace) -> list[str]:
    """What the user said, made definite: of an option that stands twice the last counts."""
    definite = ["--nic", cell.nic, "--build", str(programs), "--out", str(cell.out)]
    words = [*["--gtest_color=yes"] * sys.stdout.isatty(), *options.words]
    return [sys.executable, "-m", "vlab", *options.own, *definite, "--", *words]


def run_all(commands: dict[str, list[str]], jobs: int) -> list[int]:
    """The exit status of each named command. No lab outlives the call."""
    waiting = list(commands.items())
    labs: list[_Lab] = []
    shown = 0  # how many have ended and said all, from the first on
    with selectors.DefaultSelector() as pipes:
        try:
            while shown < len(commands):
                while waiting and sum(not lab.ended for lab in labs) < jobs:
                    labs.append(_Lab(*waiting.pop(0), pipes))
                for key, _ in pipes.select():
                    key.data()
                for lab in labs[shown:]:
                    lab.show()
                    if not lab.ended:
                        break
                    shown += 1
        finally:
            for lab in labs:  # all are told before the first is waited for
                lab.process.terminate()
            for lab in labs:
                end(lab.process, Deadline(_GRACE_S))
    return [lab.process.returncode for lab in labs]


class _Lab:
    """One command, and what it says: held until it is its turn to be shown."""

    def __init__(self, name: str, command: list[str], pipes: selectors.BaseSelector) -> None:
        self.process = spawn(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is handled here
        )  # fmt: skip
        self._pipes = pipes
        self._open = 0
        self._held = [(sys.stdout, f"{name}:\n".encode())]
        for pipe, target in (
            (self.process.stdout, sys.stdout),
            (self.process.stderr, sys.stderr),
        ):
            assert pipe is not None
            pipes.register(pipe, selectors.EVENT_READ, partial(self._hear, pipe, target))
            self._open += 1

    @property
    def ended(self) -> bool:
        return self._open == 0

    def show(self) -> None:
        for target, said in self._held:
            target.buffer.write(said)
            target.flush()
        self._held.clear()

    def _hear(self, pipe: IO[bytes], target: TextIO) -> None:
        if said := os.read(pipe.fileno(), 1 << 16):
            self._held.append((target, said))
            return
        self._pipes.unregister(pipe)
        self._open -= 1
        if self.ended:
            self.process.wait()
