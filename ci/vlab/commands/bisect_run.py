"""`ci/lab bisect-run`: one step of `git bisect run`, in a kernel tree.

git-bisect(1): 0 is good, 125 says that this commit cannot be judged, 128 and more end the bisection,
anything else is bad. A wrong command line must not make each commit bad, so it ends everything.
"""

from __future__ import annotations

import argparse
import subprocess
from contextlib import ExitStack
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.paths import RESULTS
from vlab.commands import booting
from vlab.kernels import build
from vlab.kernels.build import BuildError
from vlab.machines.guests import NET_CONFIG_PATH
from vlab.machines.supplies import Supplies
from vlab.results.folder import JUNIT
from vlab.suites.build import building

GOOD, BAD, SKIP, ABORT = 0, 1, 125, 128
_PASSED, _FAILED, _ALL_SKIPPED = 0, 1, 4  # statuses of the suite
_LIMIT_S = 900.0


def add_options(parser: argparse.ArgumentParser) -> None:
    booting.add_options(parser, nic="gve")
    parser.set_defaults(kernel=Path.cwd(), cold=True, out=RESULTS / "bisect", limit=_LIMIT_S)


def act(options: argparse.Namespace) -> int:
    verdict, why = _judge(options)
    words = {GOOD: "good", BAD: "bad", SKIP: "cannot be judged", ABORT: "no verdict"}
    progress.note(f"bisect-run: {words[verdict]}: {why}")
    return verdict


def _judge(options: argparse.Namespace) -> tuple[int, str]:
    if not isinstance(options.kernel, Path):
        raise UsageError("bisect-run builds a tree: --kernel is its folder (here)")
    with building(options.build) as programs:
        options.build = programs()
    Supplies()  # that they cannot be had is not the kernel's fault
    try:
        options.kernel, options.with_ = build.build(options.kernel, options.with_), []
    except BuildError as error:
        return SKIP, str(error)
    with ExitStack() as stack:
        try:
            lab = stack.enter_context(booting.booted(options, None))
        except (LabError, UsageError) as error:
            return SKIP, str(error)
        suite = ["zcrx_tests", f"--config={NET_CONFIG_PATH}", f"--junit=/results/{JUNIT}"]
        try:
            status = lab.run(
                [*suite, *options.words], Deadline(options.limit), stdin=subprocess.DEVNULL
            )
        except LabError as error:  # it panicked, or hung
            return BAD, str(error)
    if status in (_PASSED, _FAILED):
        return (GOOD, "all passed") if status == _PASSED else (BAD, "a test failed")
    if status == _ALL_SKIPPED:
        return SKIP, "everything was skipped"
    crashed = status >= ABORT
    return BAD if crashed else ABORT, f"the suite's exit status is {status}"
