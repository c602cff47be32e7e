"""The results of a matrix, independent of their form: terminal, page, JSON, JUnit."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vlab.base.nodev import NO_NIC
from vlab.results import known_issues, outcome
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import COUNTS_AS_FAILURE, CellResult, Outcome, Reason

WORDS = {
    Outcome.PASSED: "pass",
    Outcome.SKIPPED: "skip",
    Outcome.KNOWN: "known",
    Outcome.FAILED: "FAIL",
    Outcome.NO_RESULT: "none",
}


@dataclass(frozen=True)
class Section:
    """Reasons under one heading. Each has a mark, unique in the report: "s1", "f2"."""

    title: str
    mark: str
    reasons: list[Reason]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True)
class Part:
    """A table: a row for each test, `groups` the columns of each NIC."""

    groups: dict[str, list[CellResult]]

    @cached_property
    def results(self) -> list[CellResult]:
        return [result for group in self.groups.values() for result in group]

    @cached_property
    def tests(self) -> list[str]:
        return outcome.names(self.results)


@dataclass(frozen=True)
class Report:
    """`results`: complete and judged by the known faults (see `make`)."""

    results: list[CellResult]
    started: datetime.datetime
    seconds: float
    now_passing: list[str] = field(default_factory=list)
    overdue: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        number = outcome.counts(self.results)
        return any(number[one] for one in COUNTS_AS_FAILURE)

    @property
    def notes(self) -> list[str]:
        """Of the list of known faults itself."""
        return [*self.now_passing, *self.overdue]

    @cached_property
    def parts(self) -> list[Part]:
        """Labs with a NIC and labs without have no test in common: a table for each."""
        kinds: dict[bool, dict[str, list[CellResult]]] = {}
        for result in self.results:
            groups = kinds.setdefault(result.nic == NO_NIC, {})
            groups.setdefault(result.nic, []).append(result)
        return [Part(groups) for groups in kinds.values()]

    @cached_property
    def sections(self) -> list[Section]:
        found = [
            self._section("Failures", "f", *COUNTS_AS_FAILURE),
            self._section("Known faults", "k", Outcome.KNOWN),
            self._section("Skips, and the evidence", "s", Outcome.SKIPPED),
        ]
        return [section for section in found if section.reasons]

    def _section(self, title: str, mark: str, *outcomes: Outcome) -> Section:
        return Section(title, mark, outcome.reasons(self.results, *outcomes), outcomes)

    def mark(self, case: outcome.Case) -> str:
        """The mark of the reason of `case`; "" for a pass."""
        for section in self.sections:
            if case.outcome in section.outcomes:
                texts = [reason.text for reason in section.reasons]
                return f"{section.mark}{texts.index(case.text or outcome.NO_REASON) + 1}"
        return ""

    @cached_property
    def complaints(self) -> dict[str, str]:
        """What guests' kernels said, and where: it fails nothing, and is a finding all the same."""
        found: dict[str, list[str]] = {}
        for result in self.results:
            for said in result.complaints:
                found.setdefault(said, []).append(f"{result.nic} {result.kernel}")
        return {said: ", ".join(cells) for said, cells in found.items()}

    def summary(self) -> str:
        number = outcome.counts(self.results)
        lost = f", {number[Outcome.NO_RESULT]} without a result" * bool(number[Outcome.NO_RESULT])
        labs = "1 lab" if len(self.results) == 1 else f"{len(self.results)} labs"
        return f"{outcome.tally(number)}{lost} in {labs} and {self.seconds:.0f} s"

    def json(self) -> str:
        cells = [
            {
                "nic": result.nic,
                "kernel": result.kernel,
                "seconds": round(result.seconds, 1),
                "trouble": result.trouble,
                "complaints": list(result.complaints),
                "tests": [
                    {
                        "name": case.test,
                        "outcome": case.outcome.name.lower(),
                        "reason": case.text,
                        "seconds": round(case.seconds, 3),
                    }
                    for case in result.cases
                ],
            }
            for result in self.results
        ]
        whole = {
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "failed": self.failed,
            "now_passing": self.now_passing,
            "overdue": self.overdue,
            "cells": cells,
        }
        return json.dumps(whole, indent=2) + "\n"


def make(
    results: Sequence[CellResult], faults: Sequence[KnownIssue], started: datetime.datetime,
    seconds: float,
) -> Report:  # fmt: skip
    judged = known_issues.apply(outcome.completed(results), faults)
    return Report(
        judged,
        started,
        seconds,
        known_issues.now_passing(judged, faults),
        known_issues.overdue(faults, started.date()),
    )
