"""How the suite reacted to each injected fault, and whether that meets the requirement."""

from __future__ import annotations

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from vlab.machines.machine import PANIC, panicked
from vlab.results.outcome import COUNTS_AS_FAILURE, Case, CellResult, Outcome


@dataclass(frozen=True)
class FaultRun:
    """A run of the suite under one fault.

    `bites`: how often the fault was triggered, None if the lab broke before that was known.
    `trouble`: why the lab broke, "" if it did not. `complaints`: what the guests' kernels said.
    `panics`: a panic of the guest counts as caught; `by` and `says` owe nothing then.
    """

    fault: str  # as it was set: "drop", "command-refused=RING_ALLOC"
    summary: str
    caught: bool  # it is to be caught, else to be survived
    by: Sequence[str]
    says: str
    cases: Sequence[Case]
    bites: int | None
    seconds: float
    trouble: str = ""
    complaints: Sequence[str] = ()
    panics: bool = False

    @property
    def panicked(self) -> bool:
        return panicked(self.trouble)

    @cached_property
    def failures(self) -> list[Case]:
        return [case for case in self.cases if case.outcome in COUNTS_AS_FAILURE]

    @cached_property
    def said(self) -> str:
        """The sentence of the failure that names the cause best."""
        named = [case for case in self.failures if self.says and re.search(self.says, case.text)]
        if named:
            lines = named[0].text.splitlines()
            return next((line.strip() for line in lines if re.search(self.says, line)), lines[0])
        if self.panicked:
            return next(line for line in self.trouble.splitlines() if PANIC in line).strip()
        if self.failures:
            return headline(self.failures[0].text)
        return self.trouble.partition("\n")[0]

    @cached_property
    def known(self) -> dict[str, Case]:
        """The failures that are the kernel's own, by test."""
        return {case.test: case for case in self.cases if case.outcome is Outcome.KNOWN}

    def beside(self, without: FaultRun) -> FaultRun:
        """What a known fault makes fail `without` this one says nothing of this one."""
        return replace(self, cases=[_beside(case, without.known) for case in self.cases])

    def count(self, outcome: Outcome) -> int:
        return sum(case.outcome == outcome for case in self.cases)

    def find(self, test: str) -> Case | None:
        return next((case for case in self.cases if case.test == test), None)

    def problems(self, able: Sequence[str]) -> list[str]:
        """What is not as it should be. `able`: the tests that pass on a NIC without a fault."""
        if self.bites == 0:
            return ["never triggered: nothing is proven"]
        if not self.caught:
            found = [f"{len(self.failures)} tests fail that should survive it"]
            return found * bool(self.failures) + [self.trouble] * bool(self.trouble)
        if self.panicked and self.panics:
            return []
        found = [self.trouble] if self.trouble else []
        if not self.failures:
            return [*found, "undetected"]
        failed = {case.test for case in self.failures}
        for pattern in self.by:
            runs = fnmatch.filter(able, pattern)
            if runs and not failed.intersection(runs):
                found.append(f"not caught by {pattern}")
        if self.by and not any(fnmatch.filter(able, pattern) for pattern in self.by):
            found.append("none of the tests that should catch it runs on this NIC")
        if self.says and not any(re.search(self.says, case.text) for case in self.failures):
            found.append(f"no failure says '{self.says}'")
        return found


def _beside(case: Case, known: Mapping[str, Case]) -> Case:
    if case.outcome is not Outcome.FAILED or case.test not in known:
        return case
    text = f"{known[case.test].text.partition(chr(10))[0]}\n{case.text}"
    return replace(case, outcome=Outcome.KNOWN, text=text)


def headline(text: str) -> str:
    """The first line of a failure that is more than a place in the source."""
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in lines if line and not _PLACE.fullmatch(line)), "")


_PLACE = re.compile(r"\S+\.(?:cc|h|py):\d+:?(?: Failure)?|Failure|Failed")


@dataclass(frozen=True)
class FaultReport:
    """All faults of one NIC. `without`: the run without any. `strict`: the suite has
    requirements to meet; of another (the kernel's own) only the results are shown. `left_out`: the
    faults that the gate leaves to a whole run."""

    nic: str
    kernel: str
    without: FaultRun
    rows: Sequence[FaultRun]
    seconds: float
    strict: bool = True
    left_out: Sequence[str] = ()

    @property
    def name(self) -> str:
        return f"{self.nic}-{self.kernel}"

    @cached_property
    def tests(self) -> list[str]:
        return [case.test for case in self.without.cases]

    @cached_property
    def able(self) -> list[str]:
        return [case.test for case in self.without.cases if case.outcome is Outcome.PASSED]

    def problems(self, row: FaultRun) -> list[str]:
        if not self.strict:
            return []
        if row is self.without:
            found = [f"{case.test} fails without any fault" for case in row.failures]
            return found + [row.trouble] * bool(row.trouble)
        return row.problems(self.able)

    def all_problems(self) -> list[tuple[FaultRun, str]]:
        return [
            (row, problem) for row in (self.without, *self.rows) for problem in self.problems(row)
        ]

    def known(self, row: FaultRun) -> list[str]:
        """A sentence for each failure that is the kernel's own, where it is first seen."""
        before = () if row is self.without else self.without.known
        return [
            f"{case.text.partition(chr(10))[0]} ({test})"
            for test, case in row.known.items()
            if test not in before
        ]

    def verdict(self, row: FaultRun) -> str:
        """One word, or "caught by 5"."""
        if row.panicked:
            return "PANIC"
        if row.bites == 0:
            return "NOT TRIGGERED"
        if row.failures:
            return f"{'caught' if row.caught else 'FAILED'} by {len(row.failures)}"
        if row.trouble:
            return "NO RESULT"
        return "UNDETECTED" if row.caught else "survived"

    def summary(self) -> str:
        number = Counter(self.verdict(row).split()[0] for row in self.rows)
        wanted = sum(row.caught for row in self.rows)
        bad = len({row.fault for row, _ in self.all_problems()})
        text = f"{number['caught'] + number['PANIC']} of {wanted} faults caught, "
        text += f"{number['survived']} of {len(self.rows) - wanted} survived"
        text += f", {number['PANIC']} by a panic of the guest" * bool(number["PANIC"])
        text += f", {bad} not as they should be" * bool(bad)
        text += f", {len(self.left_out)} left out" * bool(self.left_out)
        return f"{self.name}: {text} in {self.seconds:.0f} s"

    def as_cell(self) -> CellResult:
        """For JUnit: a test for each fault."""
        cases = []
        for row in (self.without, *self.rows):
            problems = self.problems(row)
            known = self.known(row)
            outcome = Outcome.KNOWN if known else Outcome.PASSED
            outcome = Outcome.FAILED if problems else outcome
            said = f"it said: {row.said}" * bool(row.said)
            text = "\n".join([*problems, *known, said]).strip()
            cases.append(Case(f"Faults.{row.fault}", outcome, text, row.seconds))
        return CellResult(self.nic, self.kernel, cases)


def idle_tests(detections: Iterable[FaultReport]) -> list[str]:
    """The tests that no fault on any NIC made fail: they prove nothing. Unknown, and so none, where
    faults were left out."""
    detections = list(detections)
    if any(one.left_out for one in detections):
        return []
    ran: dict[str, bool] = {}
    for detection in detections:
        for row in detection.rows:
            for case in row.cases:
                if case.test in detection.able:
                    failed = case.outcome in COUNTS_AS_FAILURE
                    ran[case.test] = ran.get(case.test, False) or failed
    return [test for test, failed in ran.items() if not failed]


def dump(detection: FaultReport) -> str:
    whole = asdict(detection)
    whole["without"] = fields(detection.without)
    whole["rows"] = [fields(row) for row in detection.rows]
    whole["problems"] = [f"{row.fault}: {problem}" for row, problem in detection.all_problems()]
    return json.dumps(whole, indent=2) + "\n"


def load(text: str) -> FaultReport:
    whole = json.loads(text)
    del whole["problems"]
    whole["without"] = of_fields(whole["without"])
    whole["rows"] = [of_fields(row) for row in whole["rows"]]
    return FaultReport(**whole)


def fields(row: FaultRun) -> dict[str, Any]:
    """For JSON, and back."""
    found = asdict(row)
    for case in found["cases"]:
        case["outcome"] = case["outcome"].name.lower()
    return found


def of_fields(found: dict[str, Any]) -> FaultRun:
    for case in found["cases"]:
        case["outcome"] = Outcome[case["outcome"].upper()]
    found["cases"] = [Case(**case) for case in found["cases"]]
    return FaultRun(**found)
