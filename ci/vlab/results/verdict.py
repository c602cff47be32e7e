"""What one run of the suite came to, with known faults set apart."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vlab.results import junit, known_issues, outcome
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import COUNTS_AS_FAILURE, LAB, NOT_RUN, CellResult, Outcome
from vlab.results.table import clean, paragraph


@dataclass(frozen=True)
class Verdict:
    """`notes`: of the list of known faults itself."""

    result: CellResult
    notes: Sequence[str]

    @property
    def only_known(self) -> bool:
        """Tests failed, each failure is known, and no test was left out."""
        number = outcome.counts([self.result])
        failed = any(number[one] for one in COUNTS_AS_FAILURE)
        return bool(number[Outcome.KNOWN]) and not failed and _ran_to_its_end(self.result)

    def lines(self, width: int) -> list[str]:
        """Each cause with its tests, whose failures the suite has printed whole; then the notes."""
        of_cause: dict[str, list[str]] = {}
        for case in self.result.cases:
            if case.outcome is Outcome.KNOWN:
                of_cause.setdefault(case.text.partition("\n")[0], []).append(case.test)
        known = [
            line
            for cause, tests in of_cause.items()
            for line in paragraph("", clean(f"{cause}\n-- {', '.join(tests)}"), width)
        ]
        return [*known, *map(clean, self.notes)]


def set_apart(
    report: Path, lab: CellResult, faults: Sequence[KnownIssue], trouble: str = ""
) -> None:
    """Amends the suite's report of `lab`: each failure that is known says so and is a skip there, as
    JUnit has no word for it. `trouble`: why the lab broke."""
    if trouble and not report.exists():
        junit.write(report, [], "run")
    junit.amend(report, partial(known_issues.judged, lab, faults=faults), trouble)


def of(
    report: Path, lab: CellResult, faults: Sequence[KnownIssue], *, whole: bool
) -> Verdict:
    """From a report that is amended. `whole`: no test was left out, so that a pass of all tests of a
    fault says something about it."""
    result = replace(lab, cases=junit.read(report))
    own = [fault for fault in faults if fault.concerns(lab)]
    whole = whole and _ran_to_its_end(result)
    passing = known_issues.now_passing([result], own) if whole else []
    today = datetime.datetime.now(datetime.UTC).date()
    return Verdict(result, [*passing, *known_issues.overdue(own, today)])


def _ran_to_its_end(result: CellResult) -> bool:
    """The lab did not break, and neither a signal nor --gtest_fail_fast ended the suite: GoogleTest
    calls what it leaves out then a skip, which has no reason."""
    return not any(
        case.test == LAB
        or case.outcome is Outcome.NO_RESULT
        or case.text.startswith(NOT_RUN)
        or (case.outcome is Outcome.SKIPPED and not case.text)
        for case in result.cases
    )
