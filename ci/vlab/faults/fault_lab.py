"""The suite under one fault after the other, each in a lab of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.faults.catalogue import InjectedFault
from vlab.faults.detection import FaultReport, FaultRun
from vlab.faults.kept import Kept
from vlab.machines.guests import DUT, PEER
from vlab.machines.lab import Lab, Plan, lab
from vlab.results import console
from vlab.results.known_issues import KnownIssue
from vlab.suites import selection
from vlab.suites.suite import Ran, Suite


@dataclass(frozen=True)
class Task:
    nic: str
    plan: Plan
    suite: Suite
    settings: Sequence[InjectedFault]
    quick: bool  # only the tests that each fault names
    limit_s: float  # of the suite under one fault
    known: Sequence[KnownIssue] = ()  # the kernel's own
    kept: Kept | None = None  # the rows of earlier calls, and of this one


def run(task: Task) -> FaultReport:
    # A fault that names no test is run with all of them, and so they are needed without it too.
    named = [setting.fault.by for setting in task.settings]
    every = [test for tests in named for test in tests] if all(named) else []
    without = _row(task, None, every)
    rows = [_row(task, setting, setting.fault.by, without) for setting in task.settings]
    return _report(task, without, rows)


def _report(task: Task, without: FaultRun, rows: Sequence[FaultRun]) -> FaultReport:
    seconds = sum(row.seconds for row in (without, *rows))
    kernel = task.plan.kernel.version
    return FaultReport(task.nic, kernel, without, rows, seconds, task.suite.strict)


def _row(
    task: Task, setting: InjectedFault | None, tests: Sequence[str], without: FaultRun | None = None
) -> FaultRun:
    """As it was kept, if it was as it should be, or by the suite in a lab."""
    few = task.quick or (task.suite.strict and setting is not None and setting.fault.only_by)
    words = selection.only(dict.fromkeys(tests)) if few and tests else []
    ran = repr((task.suite.name, words, setting, task.known))
    if task.kept and (found := task.kept.find(_name(setting), ran)):
        row = found.beside(without or found)
        if not _report(task, without or row, [row]).problems(row):
            progress.note(f"{task.nic} {row.fault}: as found before ({row.seconds:.0f} s)")
            return row
    made = _made(task, setting, words)
    if task.kept:
        task.kept.add(ran, made)
    row = made.beside(without or made)
    _tell(task, row)
    return row


def _made(task: Task, setting: InjectedFault | None, words: Sequence[str]) -> FaultRun:
    """A driver may not have recovered from the fault before, so the lab is as new."""
    begin = time.monotonic()
    out = task.plan.out / _name(setting)
    out.mkdir(exist_ok=True)
    try:
        with lab(replace(task.plan, out=out)) as running:
            ran, bites, complaints = _run(task, running, setting, words)
    except LabError as error:  # the lab did not come up, which is no reason to lose the other rows
        ran, bites, complaints = Ran([], 0.0, str(error)), None, []
    # Where tests are named that must fail, theirs count, whatever known fault they look like.
    if setting is None or not (setting.caught and setting.by):
        ran = ran.judged(task.nic, task.plan.kernel.version, task.known)
    return _of(setting, ran, bites, time.monotonic() - begin, complaints)


def _name(setting: InjectedFault | None) -> str:
    return setting.text if setting else "none"


def _run(
    task: Task, running: Lab, setting: InjectedFault | None, words: Sequence[str]
) -> tuple[Ran, int | None, list[str]]:
    """Returns the results, how often the fault was triggered, and complaints of the kernels."""
    task.suite.install(running)
    out = running.plan.out
    consoles = {guest: out / f"{guest.name}-console.log" for guest in (DUT, PEER)}
    sizes = {guest: path.stat().st_size for guest, path in consoles.items()}
    if setting:
        running.set_fault(setting.text)
    ran = task.suite.run(running, words, out / "suite.log", Deadline(task.limit_s))
    bites = None
    try:
        bites = sum(running.clear_faults().values())
    except LabError as error:  # without this number nothing is known, whatever the tests say
        ran = Ran(ran.cases, ran.seconds, ran.trouble or str(error))
    complaints = [
        f"{guest.name}: {said}"
        for guest, path in consoles.items()
        for said in console.complaints(path, sizes[guest])
    ]
    return ran, bites, complaints


def _of(
    setting: InjectedFault | None, ran: Ran, bites: int | None, seconds: float, complaints: list[str]
) -> FaultRun:
    if setting is None:
        return FaultRun(
            _name(None), "no fault", False, (), "", ran.cases, None, seconds, ran.trouble, complaints
        )
    fault = setting.fault
    return FaultRun(
        setting.text, fault.summary, setting.caught, setting.by, fault.says, ran.cases, bites,
        seconds, ran.trouble, complaints, fault.panics,
    )  # fmt: skip


def _tell(task: Task, row: FaultRun) -> None:
    failed = len(row.failures)
    line = f"{task.nic} {row.fault}: {failed} of {len(row.cases)} tests fail ({row.seconds:.0f} s)"
    progress.note(f"{line}; {row.said}" if row.said else line)
