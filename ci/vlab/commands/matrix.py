"""`ci/lab matrix`: plans the cells, runs them, and reports the results in four forms."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from pathlib import Path

from vlab.base import progress
from vlab.base.errors import UsageError
from vlab.base.paths import KNOWN_FAULTS
from vlab.commands import arguments, booting, cells
from vlab.debian import tools
from vlab.kernels import build as kernels
from vlab.machines.supplies import Supplies
from vlab.results import junit, known_issues, page, report, table
from vlab.results.folder import JUNIT, results_folder
from vlab.suites.build import building

_CELL_S = 600.0  # 60 to 110 s are usual, two at once on two cores; on a busy machine 230 were seen
_WIDTH = 160  # of a table that goes to no terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kernels", metavar="KERNEL,...", type=arguments.several(arguments.kernel),
        help="as --kernel of run (all series of Debian's that have modules)")  # fmt: skip
    booting.add_options_of_several(
        parser, name="matrix", logs="a folder of each lab", ends="a lab", limit_s=_CELL_S
    )


def act(options: argparse.Namespace) -> int:
    faults = known_issues.load(KNOWN_FAULTS)
    if options.with_ and not options.kernels:
        raise UsageError("--with builds those that --kernels names")
    engine = booting.engine(options)  # refused before anything is built
    with results_folder(options.out.resolve()) as out:
        with building(options.build) as programs:
            wanted = _cells(options, out)
            build = programs()
        progress.note(engine.plan(len(wanted)))
        started, begin = datetime.datetime.now(datetime.UTC), time.monotonic()
        results = cells.run(wanted, build, engine.at_once, options.limit, engine.run)
        whole = report.make(results, faults, started, time.monotonic() - begin)
        _leave(whole, out)
    return 1 if whole.failed else 0


def _cells(options: argparse.Namespace, out: Path) -> list[cells.Cell]:
    """Everything is fetched here, so that a slow mirror does not use up a lab's time."""
    supplies = Supplies()
    made = [kernels.made(what, options.with_) for what in options.kernels or ()]
    every = [
        (nic, what, supplies.kernel(what, nic))
        for nic in options.nics
        for what in made or supplies.series(nic)
    ]
    names = [f"{nic}-{kernel.version}" for nic, _, kernel in every]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"two of the kernels are of one version: both would be {twice[0]}")
    first = every[0][2]  # tried once, not by all at once
    tools.accelerator(supplies.tools, first.image, is_own=first.is_own)
    return [
        cells.Cell(nic, kernel.version, out / f"{nic}-{kernel.version}", str(what))
        for nic, what, kernel in every
    ]


def _leave(whole: report.Report, out: Path) -> None:
    (out / "matrix.html").write_text(page.render(whole), encoding="utf-8")
    (out / "matrix.json").write_text(whole.json(), encoding="utf-8")
    junit.write(out / JUNIT, whole.results)
    print(table.render(whole, table.width_or(_WIDTH), colour=sys.stdout.isatty()), end="")
    print(f"{out}: matrix.html, matrix.json, {JUNIT}", flush=True)

