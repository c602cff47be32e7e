"""What came of the suite in each cell of the matrix: one NIC on one kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from vlab.base import nodev

# Stands for the lab itself among the tests of a cell, where the lab broke or hung.
LAB = "Lab.RunsTheSuite"
NO_REASON = "no reason was given"
# How the texts begin of a failure that is known, and of a test that the lab did not get to.
KNOWN_FAULT = "known fault: "
LOST = "no result: "
NOT_RUN = "not run: "  # fixtures/program/interruption_listener.cc: the suite was interrupted


class Outcome(IntEnum):
    """From the best to the worst."""

    PASSED = 0
    SKIPPED = 1
    KNOWN = 2  # failed, as conf/known-faults.toml says it would
    FAILED = 3
    NO_RESULT = 4  # the lab ended before the test did its work


COUNTS_AS_FAILURE = (Outcome.FAILED, Outcome.NO_RESULT)


@dataclass(frozen=True)
class Case:
    """`test` is "Suite.Name/variant"; `text` why it was skipped, failed or has no result."""

    test: str
    outcome: Outcome
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class CellResult:
    """`kernel` is the point release ("7.3.4"); `trouble` why the lab broke, "" if it did not;
    `complaints` what the guests' kernels said."""

    nic: str
    kernel: str
    cases: Sequence[Case]
    trouble: str = ""
    seconds: float = 0.0
    complaints: Sequence[str] = ()

    @property
    def name(self) -> str:
        return f"{self.nic}-{self.kernel}"

    @property
    def series(self) -> str:
        return ".".join(self.kernel.split(".")[:2])

    def find(self, test: str) -> Case | None:
        return next((case for case in self.cases if case.test == test), None)


def completed(results: Sequence[CellResult]) -> list[CellResult]:
    """Every cell with every test of its kind of labs that any cell knows of: those it lacks have no
    result."""
    tests = names(results)
    return [with_all(result, tests) for result in results]


def with_all(result: CellResult, tests: Sequence[str]) -> CellResult:
    """`result` with a case for each of `tests` that it lacks, and one for the lab if that broke."""
    absent = Case("", Outcome.NO_RESULT, LOST + (result.trouble or "the report does not name this test"))
    found = {case.test: with_trouble(case, result.trouble) for case in result.cases}
    cases = [
        found.get(test) or replace(absent, test=test)
        for test in tests
        if test in found or nodev.belongs(test, result.nic)
    ]
    if result.trouble:
        cases.append(replace(of_lab(result.trouble), seconds=result.seconds))
    return replace(result, cases=cases)


def of_lab(trouble: str) -> Case:
    return Case(LAB, Outcome.NO_RESULT, LOST + trouble)


def with_trouble(case: Case, trouble: str) -> Case:
    """The test that ran when the lab broke says how that was: it may well be what broke it."""
    if case.outcome is not Outcome.NO_RESULT or not trouble:
        return case
    told = case.text.endswith(trouble)
    return case if told else replace(case, text=f"{case.text}\n{trouble}")


def names(results: Iterable[CellResult]) -> list[str]:
    """All tests, in the order of the suite as far as a cell has it, the lab last."""
    longest = sorted(results, key=lambda result: -len(result.cases))
    found = dict.fromkeys(case.test for result in longest for case in result.cases)
    return sorted(found, key=lambda test: test == LAB)


def counts(results: Iterable[CellResult]) -> Counter[Outcome]:
    return Counter(case.outcome for result in results for case in result.cases)


def tally(number: Counter[Outcome]) -> str:
    """ "5 passed, 2 skipped, 1 failed, 1 known": what has no result is for the caller to tell."""
    words = {Outcome.PASSED: "passed", Outcome.SKIPPED: "skipped", Outcome.FAILED: "failed"}
    told = [f"{number[one]} {word}" for one, word in words.items()]
    return ", ".join(told + [f"{number[Outcome.KNOWN]} known"] * bool(number[Outcome.KNOWN]))


@dataclass(frozen=True)
class Reason:
    """One text, and all (cell, test) that it stands for."""

    text: str
    where: list[tuple[CellResult, Case]]

    def cells(self) -> str:
        """ "gve 6.12.107 (2 tests), 6.16.12 (1 test); bnxt 6.12.107 (7 tests)" """
        number = Counter((result.nic, result.kernel) for result, _ in self.where)
        of_nic: dict[str, list[str]] = {}
        for (nic, kernel), tests in number.items():
            of_nic.setdefault(nic, []).append(f"{kernel} ({tests} test{'s' * (tests > 1)})")
        return "; ".join(f"{nic} {', '.join(kernels)}" for nic, kernels in of_nic.items())


def reasons(results: Iterable[CellResult], *wanted: Outcome) -> list[Reason]:
    """Each distinct text of cases with these outcomes once, in the order of the table."""
    found: dict[str, Reason] = {}
    for result in results:
        for case in result.cases:
            if case.outcome in wanted:
                text = case.text or NO_REASON
                found.setdefault(text, Reason(text, [])).where.append((result, case))
    return list(found.values())
