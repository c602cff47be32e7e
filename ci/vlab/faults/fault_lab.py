"""The suite under one fault after the other, in as few labs as that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.faults.catalogue import InjectedFault
from vlab.faults.detection import FaultReport, FaultRun
from vlab.machines.guests import DUT, PEER
from vlab.machines.lab import Lab, Plan, lab
from vlab.results import console
from vlab.suites.suite import OurSuite, Ran, Suite

# Passes in a second on a NIC that is whole.
_CONTROL = ["--gtest_filter=ZcrxReceive.DeliversEveryByteInOrder/flow_rule"]
_CONTROL_S = 60.0


class Labs:
    """One lab at a time: booted when it is asked for and there is none.

    `suspect`: its NIC has had a fault, so that the lab may not be as it was found.
    """

    suspect = False

    def __init__(self, plan: Plan, prepare: Callable[[Lab], None]) -> None:
        self._plan = plan
        self._prepare = prepare
        self._stack = ExitStack()
        self._running: Lab | None = None
        self._boots = 0

    def get(self) -> Lab:
        if self._running is None:
            self._boots += 1
            out = self._plan.out / f"lab-{self._boots}"  # what an earlier lab said is kept
            out.mkdir(exist_ok=True)
            self._running = self._stack.enter_context(lab(replace(self._plan, out=out)))
            self._prepare(self._running)
        return self._running

    def drop(self) -> None:
        self._running, self.suspect = None, False
        self._stack.close()


@dataclass(frozen=True)
class Task:
    nic: str
    plan: Plan
    suite: Suite
    settings: Sequence[InjectedFault]
    quick: bool  # only the tests that each fault names
    limit_s: float  # of the suite under one fault


def run(task: Task) -> FaultReport:
    begin = time.monotonic()
    labs = Labs(task.plan, task.suite.install)
    # A fault that names no test is run with all of them, and so they are needed without it too.
    named = [setting.fault.by for setting in task.settings]
    every = [test for tests in named for test in tests] if all(named) else []
    try:
        without = _row(task, labs, None, every)
        _tell(task, without)
        rows = []
        for setting in task.settings:
            rows.append(_row(task, labs, setting, setting.fault.by))
            _tell(task, rows[-1])
    finally:
        labs.drop()
    kernel, seconds = task.plan.kernel.version, time.monotonic() - begin
    return FaultReport(task.nic, kernel, without, rows, seconds, task.suite.strict)


def _row(task: Task, labs: Labs, setting: InjectedFault | None, tests: Sequence[str]) -> FaultRun:
    running = labs.get()
    if labs.suspect and not _whole(task, running):
        labs.drop()
        running = labs.get()
    begin = time.monotonic()
    consoles = {guest: running.plan.out / f"{guest.name}-console.log" for guest in (DUT, PEER)}
    sizes = {guest: path.stat().st_size for guest, path in consoles.items()}
    few = task.quick or (task.suite.strict and setting is not None and setting.fault.slow)
    words = [f"--gtest_filter={':'.join(dict.fromkeys(tests))}"] if few and tests else []
    name = setting.text if setting else "none"
    if setting:
        labs.suspect = True
        running.set_fault(setting.text)
    ran = task.suite.run(running, words, task.plan.out / f"{name}.log", Deadline(task.limit_s))
    bites = _clear(running)
    seconds = time.monotonic() - begin
    complaints = [
        f"{guest.name}: {said}"
        for guest, path in consoles.items()
        for said in console.complaints(path, sizes[guest])
    ]
    if ran.trouble:
        labs.drop()
    return _made(setting, ran, bites, seconds, complaints)


def _made(
    setting: InjectedFault | None, ran: Ran, bites: int | None, seconds: float, complaints: list[str]
) -> FaultRun:
    if setting is None:
        return FaultRun("none", "no fault", False, (), "", ran.cases, None, seconds, ran.trouble,
                   complaints)  # fmt: skip
    fault = setting.fault
    return FaultRun(setting.text, fault.summary, setting.caught, fault.by, fault.says, ran.cases, bites,
               seconds, ran.trouble, complaints)  # fmt: skip


def _clear(running: Lab) -> int | None:
    """How often the fault bit."""
    try:
        return sum(running.clear_faults().values())
    except LabError:
        return None  # the NIC process is what broke


def _whole(task: Task, running: Lab) -> bool:
    """Whether the NIC works as before: a driver may not get over what was done to it."""
    log = task.plan.out / "control.log"
    ran = OurSuite().run(running, _CONTROL, log, Deadline(_CONTROL_S))
    if ran.failed:
        progress.note(f"{task.nic}: does not recover; a new lab follows")
    return not ran.failed


def _tell(task: Task, row: FaultRun) -> None:
    failed = len(row.failures)
    line = f"{task.nic} {row.fault}: {failed} of {len(row.cases)} tests fail ({row.seconds:.0f} s)"
    progress.note(f"{line}; {row.said}" if row.said else line)
