"""The suite on every kernel with every NIC: labs of their own, as many at once as fit."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from vlab import console, junit, progress
from vlab.deadline import Deadline
from vlab.errors import LabError
from vlab.guests import DUT, PEER
from vlab.outcome import CellResult, Outcome, counts
from vlab.process import end, spawn
from vlab.results import JUNIT

_QEMU_MIB = 300  # what a QEMU takes beside its guest's memory, with emulated CPUs
_COMPLAINT_BYTES = 64 << 10  # with the end of a console
_GRACE_S = 10  # for a lab to take itself down
# The suite's exit statuses that come with a report of all its tests.
_PASSED, _FAILED, _ALL_SKIPPED = 0, 1, 4


@dataclass(frozen=True)
class Cell:
    """One NIC on one kernel, and the folder for what its lab leaves behind."""

    nic: str
    kernel: str  # point release
    out: Path

    @property
    def name(self) -> str:
        return f"{self.nic}-{self.kernel}"

    @property
    def log(self) -> Path:
        """What the lab and the suite said: beside `out`, in which the DUT may write."""
        return self.out.with_name(f"{self.out.name}.log")

    def command(self, build: Path, limit_s: float) -> list[str]:
        series = ".".join(self.kernel.split(".")[:2])
        lab = [sys.executable, "-m", "vlab", "run", "--nic", self.nic, "--kernel", series]
        return [*lab, "--build", str(build), "--out", str(self.out), "--limit", f"{limit_s:.0f}"]


@dataclass
class _Running:
    cell: Cell
    process: subprocess.Popen[bytes]
    deadline: Deadline
    begin: float = field(default_factory=time.monotonic)


def jobs_that_fit(memory_mib: int, cores: int) -> int:
    """How many labs run at once: each has two guests that are seldom busy at the same time."""
    one = DUT.memory_mib + PEER.memory_mib + 2 * _QEMU_MIB
    return max(1, min(cores, memory_mib // one))


def free_memory_mib() -> int:
    """MemAvailable (proc_meminfo(5)), less a quarter for everything else on this machine."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) // 1024 * 3 // 4 if found else 0


def run(cells: Sequence[Cell], build: Path, jobs: int, limit_s: float) -> list[CellResult]:
    """One result for each cell, in their order. No lab outlives the call."""
    waiting = list(enumerate(cells))
    running: dict[int, _Running] = {}
    done: dict[int, CellResult] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                # The last first: the newest kernels have most to test, and with a short lab at
                # the end no core is idle for long.
                number, cell = waiting.pop()
                running[number] = _start(cell, build, limit_s)
            for number in _wait(running):
                done[number] = _finish(running.pop(number), limit_s)
                _tell(done[number], len(done), len(cells))
    finally:
        for one in running.values():  # all are told before the first is waited for
            one.process.terminate()
        for one in running.values():
            end(one.process, Deadline(_GRACE_S))
    return [done[number] for number in range(len(cells))]


def _start(cell: Cell, build: Path, limit_s: float) -> _Running:
    try:
        cell.out.mkdir(parents=True, exist_ok=True)
        for old in (JUNIT, *(f"{guest.name}-console.log" for guest in (DUT, PEER))):
            (cell.out / old).unlink(missing_ok=True)  # is no result of this lab
        with open(cell.log, "wb") as log:
            process = spawn(
                cell.command(build, limit_s),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is the matrix's to handle
            )  # fmt: skip
    except OSError as error:
        raise LabError(f"{cell.out}: {error.strerror}; choose a folder with --out") from error
    progress.note(f"{cell.name} ...")
    return _Running(cell, process, Deadline(limit_s))


def _wait(running: dict[int, _Running]) -> list[int]:
    """Those that have ended or are past their deadline: at least one."""
    poll = select.poll()
    with ExitStack() as stack:
        for one in running.values():
            descriptor = os.pidfd_open(one.process.pid)
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
        first = min(one.deadline.remaining() for one in running.values())
        poll.poll(first * 1000 + 1)
    return [
        number
        for number, one in running.items()
        if one.process.poll() is not None or one.deadline.remaining() == 0
    ]


def _finish(one: _Running, limit_s: float) -> CellResult:
    in_time = one.process.poll() is not None
    end(one.process, Deadline(_GRACE_S))
    seconds = time.monotonic() - one.begin
    status = one.process.returncode if in_time else None
    late = f"the lab took more than {limit_s:g} s and was ended"
    return result_of(one.cell, late if status is None else status, seconds)


def result_of(cell: Cell, ended: int | str, seconds: float) -> CellResult:
    """What `cell` left behind. `ended`: the lab's exit status, or why it has none."""
    trouble = ended if isinstance(ended, str) else ""
    try:
        cases = junit.read(cell.out / JUNIT)
    except junit.JunitError as error:
        cases = []
        trouble = trouble or _complaint(cell.log) or str(error)
    complaints = [
        f"{guest.name}: {said}"
        for guest in (DUT, PEER)
        for said in console.complaints(cell.out / f"{guest.name}-console.log")
    ]
    result = CellResult(cell.nic, cell.kernel, cases, trouble, seconds, complaints)
    if not trouble and ended not in _statuses(result):
        unexplained = f"exit status {ended}, which the report does not explain"
        trouble = _complaint(cell.log) or unexplained
    return replace(result, trouble=trouble)


def _statuses(result: CellResult) -> tuple[int, ...]:
    """What the suite can have ended with after such a report: neither may be wrong alone."""
    number = counts([result])
    if number[Outcome.FAILED]:
        return (_FAILED,)
    return (_PASSED,) if number[Outcome.PASSED] else (_ALL_SKIPPED,)


def _complaint(log: Path) -> str:
    """The sentence of a lab that broke, with all that follows it: the end of a console."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - _COMPLAINT_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text.rpartition("\nci/lab: ")[2].strip() if "\nci/lab: " in text else ""


def _tell(result: CellResult, number: int, of: int) -> None:
    tally = counts([result])
    line = f"{result.name}: {tally[Outcome.PASSED]} passed, {tally[Outcome.SKIPPED]} skipped, "
    line += f"{tally[Outcome.FAILED]} failed ({result.seconds:.0f} s, {number} of {of})"
    if result.trouble:
        line += f"; no result: {result.trouble.partition(chr(10))[0]}"
    progress.note(line)
