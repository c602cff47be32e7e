"""`ci/lab run`: the suite in one lab, or in a lab with each NIC."""

from __future__ import annotations

import argparse
import errno
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.paths import KNOWN_FAULTS
from vlab.commands import every_nic
from vlab.commands.booting import booted
from vlab.results import guest_file, junit, known_issues, verdict
from vlab.results.folder import JUNIT
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import CellResult
from vlab.results.verdict import Verdict
from vlab.suites.selection import leaves_out
from vlab.suites.suite import OurSuite

_MOST_REPORT_BYTES = 30 << 20  # the suite keeps below it
_WIDTH = 160  # of what goes to no terminal
_FAILED = 1  # the suite's exit status; a crash has another, which no known fault excuses


def act(options: argparse.Namespace) -> int:
    if options.nic is None:
        return every_nic.run(options)
    faults = known_issues.load(KNOWN_FAULTS)  # refused before anything is built
    words = [*["--gtest_color=yes"] * sys.stdout.isatty(), *options.words]
    with booted(options, options.share, peer_nic=options.peer_nic) as running:
        report = running.plan.out / JUNIT
        for stale in (report, running.plan.results / JUNIT):
            stale.unlink(missing_ok=True)
        lab = CellResult(options.nic, running.plan.kernel.version, [])
        status, found, ended = EXIT_LAB, None, None
        try:
            suite = OurSuite().command(words, running.plan.nic, running.plan.kernel)
            status = running.run(suite, Deadline(options.limit), stdin=subprocess.DEVNULL)
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


def _judged(
    report: Path, lab: CellResult, faults: Sequence[KnownIssue], words: Sequence[str], trouble: str
) -> Verdict | None:
    """None of a report that cannot be read: nothing is known then."""
    found = None
    try:
        verdict.set_apart(report, lab, faults, trouble)
        found = verdict.of(report, lab, faults, whole=not leaves_out(words))
    except junit.JunitError:
        pass
    if found is not None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
        for line in found.lines(width):
            print(line)
    print(f"{junit.summary(report)}: {report}" if report.exists() else "no test ran", flush=True)
    return found


def _take(source: Path, target: Path) -> None:
    """What the DUT has written, if it has, as a file of ours."""
    try:
        target.write_bytes(guest_file.read(source, _MOST_REPORT_BYTES))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise LabError(f"{source}: {error.strerror}") from error
