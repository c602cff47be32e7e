"""`ci/lab bisect-run`: one step of `git bisect run`, in a kernel tree.

git-bisect(1): 0 is good, 125 says that this commit cannot be judged, 128 and more end the bisection,
anything else is bad. A mistake, or a machine that does not work, must not pass for a verdict on each
commit, so it ends everything.
"""

from __future__ import annotations

import argparse
import subprocess
from contextlib import ExitStack
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import GuestFailed, TimedOut, UsageError
from vlab.base.paths import RESULTS
from vlab.commands import arguments, booting
from vlab.kernels import build
from vlab.kernels.build import BuildError
from vlab.machines.lab import SSH_FAILED
from vlab.machines.supplies import Supplies
from vlab.results.folder import results_folder
from vlab.suites.build import building
from vlab.suites.suite import OurSuite

GOOD, BAD, SKIP, ABORT = 0, 1, 125, 128
_PASSED, _FAILED, _ALL_SKIPPED = 0, 1, 4  # statuses of the suite
_CRASHED = range(129, SSH_FAILED)  # 128 and the signal
_LIMIT_S = 900.0


def add_options(parser: argparse.ArgumentParser) -> None:
    booting.add_options(parser, nic="gve", kernel=Path.cwd(), out=RESULTS / "bisect")
    parser.add_argument("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
                        help="after which the suite hangs, which is bad (%(default)s)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    verdict, why = _judge(options)
    words = {GOOD: "good", BAD: "bad", SKIP: "cannot be judged", ABORT: "no verdict"}
    progress.note(f"bisect-run: {words[verdict]}: {why}")
    return verdict


def _judge(options: argparse.Namespace) -> tuple[int, str]:
    _refuse_mistakes(options)
    with building(options.build) as programs:
        options.build = programs()
    booting.refuse_faults(options, options.build)  # which booted() does too: that would be a SKIP
    Supplies()  # that they cannot be had is not the kernel's fault
    try:
        options.kernel, options.with_ = build.build(options.kernel, options.with_), []
    except BuildError as error:
        return SKIP, str(error)
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(booting.booted(options, None))
        except (GuestFailed, UsageError) as error:  # or the kernel has not what the lab needs
            return SKIP, str(error)
        suite = OurSuite().command(options.words, lab.plan.nic, lab.plan.kernel)
        try:
            status = lab.run(suite, Deadline(options.limit), stdin=subprocess.DEVNULL)
        except (GuestFailed, TimedOut) as error:
            return BAD, str(error)
    if status in (_PASSED, _FAILED):
        return (GOOD, "all passed") if status == _PASSED else (BAD, "a test failed")
    if status == _ALL_SKIPPED:
        return SKIP, "everything was skipped"
    return BAD if status in _CRASHED else ABORT, f"the suite's exit status is {status}"


def _refuse_mistakes(options: argparse.Namespace) -> None:
    """Before anything is built."""
    if not isinstance(options.kernel, Path):
        raise UsageError("bisect-run builds a tree: --kernel is its folder (here)")
    booting.refuse_unknown(options.faults)
    with results_folder(options.out.resolve()):
        pass  # it can be written to, and nobody else does
