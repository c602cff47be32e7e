"""conf/known-faults.toml: faults of a kernel or driver that the suite finds again and again.

Such a test still runs. Its failure is shown apart and fails nothing, so that a new one is seen;
when it passes, the entry has to go, unless the fault is a race. The file itself says what an entry
holds.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlab.base import tables
from vlab.base.errors import LabError
from vlab.kernels import build
from vlab.kernels.kernel import Kernel
from vlab.results.outcome import COUNTS_AS_FAILURE, KNOWN_FAULT, Case, CellResult, Outcome

# How often `ci/lab repro` tries at most, where the entry does not say.
_RUNS, _RUNS_OF_A_RACE = 2, 20


@dataclass(frozen=True)
class KnownIssue:
    name: str  # for `ci/lab repro`
    kernels: Sequence[str]  # series or point releases
    nics: Sequence[str]
    test: str  # may hold * and ?
    symptom: str  # words that the failure's text holds: another failure is not this fault
    cause: str
    look_again: datetime.date
    race: bool = False  # the test fails only sometimes
    # What provokes it, for `ci/lab repro`: each run is of the suite with `arguments`, or of `test`.
    runs: int = 0
    arguments: Sequence[str] = ()
    nic_fault: str = ""
    built_with: Sequence[str] = ()  # options of the kernel, as `ci/lab --with` takes them

    @property
    def most_runs(self) -> int:
        return self.runs or (_RUNS_OF_A_RACE if self.race else _RUNS)

    @property
    def words(self) -> list[str]:
        """The suite's arguments."""
        every = self.test == "*"
        return list(self.arguments) or [f"--gtest_filter={self.test}"] * (not every)

    def concerns(self, result: CellResult) -> bool:
        kernels = {result.series, result.kernel}
        return result.nic in self.nics and not kernels.isdisjoint(self.kernels)

    def covers(self, result: CellResult, case: Case) -> bool:
        return self.concerns(result) and fnmatch.fnmatchcase(case.test, self.test)

    def explains(self, result: CellResult, case: Case) -> bool:
        return (
            case.outcome in COUNTS_AS_FAILURE
            and self.covers(result, case)
            and self.symptom in case.text
        )

    def __str__(self) -> str:
        where = f"{','.join(self.nics)} {','.join(self.kernels)}"
        return f"{self.name} ({where} {self.test}: {self.symptom})"


def load(path: Path) -> list[KnownIssue]:
    return [_fault(where, entry) for where, entry in tables.read(path, "fault", KnownIssue)]


def _fault(where: str, entry: dict[str, Any]) -> KnownIssue:
    for name, value in entry.items():
        if name == "look_again":
            # A datetime is a date to Python, but cannot be compared with one.
            if type(value) is not datetime.date:
                raise LabError(f"{where}: look_again is not a date such as 2027-01-31")
        elif name == "race":
            if not isinstance(value, bool):
                raise LabError(f"{where}: race is neither true nor false")
        elif name == "runs":
            if type(value) is not int or not 0 < value < 10000:
                raise LabError(f"{where}: runs is not a number from 1 to 9999")
        elif name in ("kernels", "nics", "arguments", "built_with"):
            if not (isinstance(value, list) and value and all(map(_is_text, value))):
                raise LabError(f"{where}: {name} is not a list of texts, or empty")
            if name == "built_with" and (strange := set(value) - build.options().keys()):
                raise LabError(f"{where}: no kernel is built with {', '.join(sorted(strange))}")
        elif not _is_text(value):
            raise LabError(f"{where}: {name} is not a text, or empty")
    return KnownIssue(**entry)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def apply(results: Sequence[CellResult], faults: Sequence[KnownIssue]) -> list[CellResult]:
    """The same results, in which failures that a fault explains are known."""
    return [
        replace(result, cases=[judged(result, case, faults) for case in result.cases])
        for result in results
    ]


def judged(result: CellResult, case: Case, faults: Sequence[KnownIssue]) -> Case:
    """`case` of the lab of `result`."""
    for fault in faults:
        if fault.explains(result, case):
            text = f"{KNOWN_FAULT}{fault.cause}\n{case.text}"
            return replace(case, outcome=Outcome.KNOWN, text=text)
    return case


def endangered(nic: str, kernel: Kernel, faults: Sequence[KnownIssue]) -> list[str]:
    """The tests that may end the guest by a fault of what `kernel` is built with."""
    lab = CellResult(nic, kernel.version, [])
    return [
        fault.test
        for fault in faults
        if fault.concerns(lab) and fault.test != "*"
        if fault.built_with and kernel.options.issuperset(fault.built_with)
    ]


def now_passing(results: Sequence[CellResult], faults: Sequence[KnownIssue]) -> list[str]:
    """A sentence for each cell in which a fault's tests pass, and none fails; that says nothing where
    it is a race. `results` applied."""
    found = []
    for fault in (one for one in faults if not one.race):
        for result in results:
            outcomes = {case.outcome for case in result.cases if fault.covers(result, case)}
            if Outcome.PASSED in outcomes and max(outcomes) < Outcome.KNOWN:
                found.append(f"NOW PASSES on {result.nic} {result.kernel}: {fault}")
    return found


def overdue(faults: Sequence[KnownIssue], today: datetime.date) -> list[str]:
    return [
        f"to be looked at again since {fault.look_again}: {fault}"
        for fault in faults
        if fault.look_again <= today
    ]
