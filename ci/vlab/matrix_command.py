"""`ci/lab matrix`: plans the cells, runs them, and says in four forms what came of them."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import time
from pathlib import Path

from vlab import arguments, build, junit, known_faults, matrix, page, progress, report, table, tools
from vlab.errors import UsageError
from vlab.guests import NICS
from vlab.paths import KNOWN_FAULTS, RESULTS
from vlab.results import JUNIT, results_folder
from vlab.supplies import Supplies

_CELL_S = 300.0  # 25 s are usual
_WIDTH = 160  # of a table that goes to no terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kernels", metavar="SERIES,...", type=_several(arguments.series),
        help="newest Debian kernel of each of these series (all that have modules)")  # fmt: skip
    add("--nics", metavar="NIC,...", type=_several(_nic), default=sorted(NICS, reverse=True),
        help=f"the emulated NICs ({','.join(sorted(NICS, reverse=True))})")  # fmt: skip
    add("--out", metavar="DIR", type=Path, default=RESULTS / "matrix",
        help="for the page, JSON, JUnit and a folder of each lab (results/matrix)")  # fmt: skip
    add("--jobs", metavar="N", type=arguments.number,
        help="labs at once (as many as cores and memory carry)")  # fmt: skip
    add("--build", metavar="DIR", type=arguments.folder,
        help="programs from this finished build (default: build what is in build/)")  # fmt: skip
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=_CELL_S,
        help="a lab is ended then (%(default)s)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    if options.words:
        raise UsageError("matrix takes no arguments for the suite; run does")
    faults = known_faults.load(KNOWN_FAULTS)
    programs = build.programs(options.build).resolve()
    with results_folder(options.out.resolve()) as out:
        cells = _cells(options, out)
        cores = len(os.sched_getaffinity(0))
        jobs = options.jobs or matrix.jobs_that_fit(matrix.free_memory_mib(), cores)
        progress.note(f"{len(cells)} labs, {min(jobs, len(cells))} at once")
        started, begin = datetime.datetime.now(datetime.UTC), time.monotonic()
        results = matrix.run(cells, programs, jobs, options.limit)
        whole = report.make(results, faults, started, time.monotonic() - begin)
        _leave(whole, out)
    return 1 if whole.failed else 0


def _cells(options: argparse.Namespace, out: Path) -> list[matrix.Cell]:
    """Everything is fetched here, so that a slow mirror does not use up a lab's time."""
    supplies = Supplies()
    kernels = [
        (nic, supplies.kernel(series, nic))
        for nic in options.nics
        for series in options.kernels or supplies.series(options.nics)
    ]
    tools.accelerator(supplies.tools, kernels[0][1].vmlinuz)  # tried once, not by all at once
    return [
        matrix.Cell(nic, kernel.version, out / f"{nic}-{kernel.version}")
        for nic, kernel in kernels
    ]


def _leave(whole: report.Report, out: Path) -> None:
    (out / "matrix.html").write_text(page.render(whole), encoding="utf-8")
    (out / "matrix.json").write_text(whole.json(), encoding="utf-8")
    junit.write(out / JUNIT, whole.results)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _WIDTH
    print(table.render(whole, width, colour=terminal), end="")
    print(f"{out}: matrix.html, matrix.json, {JUNIT}", flush=True)


def _several(one: arguments.Kind) -> arguments.Kind:
    """A list with commas between, each item once."""

    def parse(text: str) -> list[object]:
        return list(dict.fromkeys(one(item) for item in text.split(",")))

    return parse


def _nic(text: str) -> str:
    if text not in NICS:
        raise argparse.ArgumentTypeError(f"'{text}' is none of {', '.join(sorted(NICS))}")
    return text
