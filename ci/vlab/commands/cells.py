"""The suite on every kernel with every NIC: labs of their own, as many at once as fit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vlab.base import pool, progress
from vlab.base.errors import LabError
from vlab.base.pool import Ended, Job, Run
from vlab.machines.guests import DUT, PEER
from vlab.results import console, junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import LAB, LOST, CellResult, Outcome, counts, tally

_COMPLAINT_BYTES = 64 << 10  # with the end of a console
# The suite's exit statuses that come with a report of all its tests.
_PASSED, _FAILED, _ALL_SKIPPED = 0, 1, 4


@dataclass(frozen=True)
class Cell:
    """One NIC on one kernel, and the folder for what its lab leaves behind."""

    nic: str
    kernel: str  # point release
    out: Path
    asked: str  # what --kernel takes

    @property
    def name(self) -> str:
        return f"{self.nic}-{self.kernel}"

    @property
    def log(self) -> Path:
        """What the lab and the suite said: beside `out`, in which the DUT may write."""
        return self.out.with_name(f"{self.out.name}.log")

    def command(self, build: Path, limit_s: float) -> list[str]:
        lab = [sys.executable, "-m", "vlab", "run", "--nic", self.nic, "--kernel", self.asked]
        return [*lab, "--build", str(build), "--out", str(self.out), "--limit", f"{limit_s:.0f}"]


def run(
    cells: Sequence[Cell], build: Path, at_once: int, limit_s: float, run_jobs: Run = pool.run
) -> list[CellResult]:
    """One result for each cell, in their order. No lab outlives the call."""
    cell_of = {cell.name: cell for cell in cells}
    results: dict[str, CellResult] = {}

    def finish(ended: Ended) -> None:
        status = ended.status
        late = f"the lab timed out after {limit_s:g} s"
        why = late if status is None else ended.trouble or status
        result = result_of(cell_of[ended.job.name], why, ended.seconds)
        results[result.name] = result
        _tell(result, len(results), len(cells))

    for cell in cells:
        _make_room(cell)
    # The last first: the newest kernels have most to test, and with a short lab at the end no core
    # is idle for long.
    jobs = [
        Job(cell.name, cell.command(build, limit_s), limit_s, cell.log, cell.out) for cell in cells
    ]
    run_jobs(jobs[::-1], at_once, begun=lambda job: progress.note(f"{job.name} ..."), ended=finish)
    return [results[cell.name] for cell in cells]


def _make_room(cell: Cell) -> None:
    """Removes what an earlier lab left: it is not this one's result."""
    try:
        cell.out.mkdir(parents=True, exist_ok=True)
        for old in (JUNIT, *(f"{guest.name}-console.log" for guest in (DUT, PEER))):
            (cell.out / old).unlink(missing_ok=True)
    except OSError as error:
        raise LabError(f"{cell.out}: {error.strerror}; choose a folder with --out") from error


def result_of(cell: Cell, ended: int | str, seconds: float) -> CellResult:
    """What `cell` left behind. `ended`: the lab's exit status, or why it has none."""
    trouble = ended if isinstance(ended, str) else ""
    ran_on = cell.kernel
    try:
        cases = junit.read(cell.out / JUNIT)
        ran_on = junit.kernel(cell.out / JUNIT).partition("+")[0] or cell.kernel
    except junit.JunitError as error:
        cases = []
        trouble = trouble or _complaint(cell.log) or str(error)
    # A lab that broke has a row of its own in its report, also if it is known how that came.
    broke = next((case.text.partition(LOST)[2] for case in cases if case.test == LAB), "")
    # Another cache than the one that the cells are of may know of a newer point release.
    other = f"the lab ran on Linux {ran_on}, not on {cell.kernel}" if ran_on != cell.kernel else ""
    trouble = trouble or broke or other
    cases = [case for case in cases if case.test != LAB]
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
    return (_PASSED,) if number[Outcome.PASSED] or number[Outcome.KNOWN] else (_ALL_SKIPPED,)


def _complaint(log: Path) -> str:
    """The message of a lab that broke, with the end of a console that follows it."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - _COMPLAINT_BYTES))
            lines = f"\n{file.read().decode(errors='replace')}"
    except OSError:
        return ""
    _, said, text = lines.rpartition("\nci/lab: ")
    return text.strip() if said else ""


def _tell(result: CellResult, number: int, of: int) -> None:
    line = f"{result.name}: {tally(counts([result]))} ({result.seconds:.0f} s, {number} of {of})"
    if result.trouble:
        line += f"; no result: {result.trouble.partition(chr(10))[0]}"
    progress.note(line)
