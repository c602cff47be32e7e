"""`ci/lab run`: the suite in one lab, or in a lab with each NIC."""

from __future__ import annotations

import argparse
import errno
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.paths import KNOWN_FAULTS
from vlab.commands import every_nic
from vlab.commands.booting import booted
from vlab.machines.lab import Lab
from vlab.results import guest_file, junit, known_issues, outcome, verdict
from vlab.results.folder import JUNIT
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import LAB, CellResult, Outcome
from vlab.results.table import width_or
from vlab.results.verdict import Verdict
from vlab.suites import selection
from vlab.suites.suite import OurSuite

_WIDTH = 160  # of what goes to no terminal
_FAILED = 1  # the suite's exit status; a crash has another, which no known fault excuses
_APART = "apart.log"


def act(options: argparse.Namespace) -> int:
    if options.nic is None:
        return every_nic.run(options)
    faults = known_issues.load(KNOWN_FAULTS)  # refused before anything is built
    words = [*["--gtest_color=yes"] * sys.stdout.isatty(), *options.words]
    with booted(options, options.share, peer_nic=options.peer_nic, reports=True) as running:
        report = running.plan.out / JUNIT
        kernel, deadline = running.plan.kernel, Deadline(options.limit)
        lab = CellResult(options.nic, kernel.version, [])
        whole = not selection.leaves_out(options.words)
        apart = known_issues.endangered(options.nic, kernel, faults) if whole else []
        words += selection.without(apart)
        status, found, ended = EXIT_LAB, None, None
        try:
            suite = OurSuite().command(words, running.plan.nic, kernel)
            status = running.run(suite, deadline, stdin=subprocess.DEVNULL)
            if apart and status in OurSuite.statuses:
                _take(running.plan.results / JUNIT, report)
                last = _run_apart(running, lab, apart, options.words, deadline)
                status = every_nic.worst([status, _add(report, last, faults)])
        except BaseException as error:
            ended = error
        trouble = str(ended) if isinstance(ended, LabError) else ""
        try:  # also of a run that was interrupted: the suite writes the file after every test
            _take(running.plan.results / JUNIT, report)
            found = _judged(report, lab, faults, options.words, trouble)
        except (LabError, OSError) as error:
            if ended is None:
                raise
            print(f"ci/lab: {error}", file=sys.stderr)  # what ended the run says more
        if ended:  # also where it is known how that came: the other tests have no result
            raise ended
        return 0 if status == _FAILED and found is not None and found.only_known else status


def _run_apart(
    running: Lab, lab: CellResult, tests: Sequence[str], words: Sequence[str], deadline: Deadline
) -> CellResult:
    """`tests` behind all others, as they may end the guest; each has a result."""
    chosen = selection.only(tests)
    log = running.plan.out / _APART
    print(f"{', '.join(tests)} may end the guest by a known fault: run last, see {log}", flush=True)
    try:
        ran = OurSuite().run(running, [*words, *chosen], log, deadline)
    finally:  # it is no report of the whole run, also where that is interrupted
        (running.plan.results / JUNIT).unlink(missing_ok=True)
    every = [test.name for test in selection.listed(running.plan.build, chosen)]
    return outcome.with_all(replace(lab, cases=ran.cases, trouble=ran.trouble), every)


def _add(report: Path, last: CellResult, faults: Sequence[KnownIssue]) -> int:
    """Adds `last` to the report; returns the exit status that goes with it. LabError where the lab
    broke, unless that is what a known fault did to a test: none was to come behind these."""
    (judged,) = known_issues.apply([last], faults)
    cases = [case for case in judged.cases if case.test != LAB]
    try:
        junit.add(report, cases)
    except junit.JunitError as error:
        raise LabError(str(error)) from error
    worst = max((case.outcome for case in cases), default=Outcome.PASSED)
    told = any(case.outcome is Outcome.KNOWN and case.text.endswith(last.trouble) for case in cases)
    if last.trouble and not (told and worst is Outcome.KNOWN):
        raise LabError(last.trouble)
    return _FAILED if worst > Outcome.SKIPPED else 0


def _judged(
    report: Path, lab: CellResult, faults: Sequence[KnownIssue], words: Sequence[str], trouble: str
) -> Verdict | None:
    """None of a report that cannot be read: nothing is known then."""
    found = None
    try:
        verdict.set_apart(report, lab, faults, trouble)
        found = verdict.of(report, lab, faults, whole=not selection.leaves_out(words))
    except junit.JunitError:
        pass
    if found is not None:
        for line in found.lines(width_or(_WIDTH)):
            print(line)
    print(f"{junit.summary(report)}: {report}" if report.exists() else "no test ran", flush=True)
    return found


def _take(source: Path, target: Path) -> None:
    """What the DUT has written, if it has, as a file of ours."""
    try:
        target.write_bytes(guest_file.read(source, junit.MOST_BYTES + 1))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise LabError(f"{source}: {error.strerror}") from error
