"""`ci/lab kernel-selftest`: the kernel's own suite in the lab, and ours beside it."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.paths import KNOWN_FAULTS
from vlab.commands import arguments, booting
from vlab.machines.guests import NICS
from vlab.results import junit, known_issues
from vlab.results.folder import JUNIT
from vlab.results.outcome import Outcome, tally
from vlab.results.report import WORDS
from vlab.suites.suite import KernelSuite, OurSuite, Ran

# The kernel's cases in their order, and the same cases of ours.
SAME = {
    "iou-zcrx.test_zcrx.single": "ZcrxReceive.DeliversEveryByteInOrder/flow_rule",
    "iou-zcrx.test_zcrx.rss": "ZcrxReceive.DeliversEveryByteInOrder/rss_context",
    "iou-zcrx.test_zcrx_oneshot.single": "ZcrxOneshot.DeliversEveryByteInOrder/flow_rule",
    "iou-zcrx.test_zcrx_oneshot.rss": "ZcrxOneshot.DeliversEveryByteInOrder/rss_context",
    "iou-zcrx.test_zcrx_large_chunks": "ZcrxLargeChunks.DeliversEveryByteInOrder/flow_rule",
}
_LIMIT_S = 300.0  # 20 s are usual; the kernel's waits have limits of 5 and 20 s each


def add_options(parser: argparse.ArgumentParser) -> None:
    booting.add_options(parser, nic="bnxt", kinds=NICS)
    parser.add_argument("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
                        help="time limit of each suite (%(default)s)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    theirs, ours = KernelSuite(), OurSuite()
    known = known_issues.load(KNOWN_FAULTS)
    with booting.booted(options, theirs.share()) as lab:
        theirs.install(lab)
        log = lab.plan.out / "kernel-suite.log"
        their_run = theirs.run(lab, [], log, Deadline(options.limit))
        print(log.read_text(encoding="utf-8", errors="replace"))
        only = f"--gtest_filter={':'.join(SAME.values())}"
        our_log = lab.plan.out / "suite.log"
        our_run = ours.run(lab, [only], our_log, Deadline(options.limit))
        their_run, our_run = (
            ran.judged(options.nic, lab.plan.kernel.version, known) for ran in (their_run, our_run)
        )
        parts = _parts(lab.plan.results / JUNIT)
    for line in _beside(theirs.name, their_run, ours.name, our_run):
        print(line)
    for line in _shares(our_run.seconds, parts):
        print(line)
    print(f"logs: {log}, {our_log}", flush=True)
    return 1 if their_run.failed or our_run.failed else 0


def _beside(left: str, theirs: Ran, right: str, ours: Ran) -> list[str]:
    """Both runs' results for each case, and their wall times."""
    rows = [(left, right), (_summary(theirs), _summary(ours))]
    rows += [
        (f"{_word(theirs, kernel)}  {kernel}", f"{_word(ours, test)}  {test}")
        for kernel, test in SAME.items()
    ]
    width = max(len(row[0]) for row in rows)
    lines = [f"{one:{width}}   {other}" for one, other in rows]
    lines += [run.trouble for run in (theirs, ours) if run.trouble]
    lines += [
        f"{case.test}: {case.text}"
        for run in (theirs, ours)
        for case in run.cases
        if case.outcome > Outcome.SKIPPED
    ]
    if ours.seconds:
        lines.append(f"{theirs.seconds / ours.seconds:.1f} times as fast")
    return lines


def _parts(report: Path) -> dict[str, float]:
    try:
        return junit.timings(report)
    except junit.JunitError:  # which is told as the run's trouble
        return {}


def _shares(seconds: float, parts: dict[str, float]) -> list[str]:
    """Where the time of our run went, and what of its wall time is the process's own."""
    if not parts or not seconds:
        return []
    rows = {**parts, "start and exit": max(seconds - sum(parts.values()), 0.0)}
    width = max(map(len, rows))
    return [f"where {OurSuite.name}'s {seconds:.1f} s went:"] + [
        f"  {name:{width}} {part:6.2f} s {100 * part / seconds:4.0f} %" for name, part in rows.items()
    ]


def _word(run: Ran, test: str) -> str:
    found = [case.outcome for case in run.cases if case.test == test]
    return WORDS[found[0] if found else Outcome.NO_RESULT]


def _summary(run: Ran) -> str:
    return f"{tally(Counter(case.outcome for case in run.cases))} in {run.seconds:.1f} s"
