"""`ci/lab run` without --nic: a lab for each NIC and one without, as many at once as fit.

What a lab says comes whole, one lab after the other. The first that still runs is seen live.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from vlab.base import pool
from vlab.base.errors import UsageError
from vlab.base.nodev import NO_NIC
from vlab.base.paths import BUILD, KNOWN_FAULTS, RESULTS
from vlab.base.pool import Job
from vlab.commands import booting
from vlab.commands.cells import Cell
from vlab.faults import catalogue
from vlab.kernels import build as kernels
from vlab.machines.capacity import labs_at_once
from vlab.machines.guests import KINDS, NICS
from vlab.machines.lab import prepare
from vlab.machines.supplies import Supplies
from vlab.results import known_issues, verdict
from vlab.results.folder import JUNIT, results_folder
from vlab.results.junit import JunitError, summary
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import CellResult
from vlab.suites.build import building
from vlab.suites.selection import leaves_out, selects

# The exit statuses of `run`, the worst last. A failed test is reported even if another lab broke,
# "everything skipped" only if no lab did more. Any other status (a crash) is worse.
_SEVERITY = (4, 0, 3, 2, 5, 1)


def run(options: argparse.Namespace) -> int:
    for option in ("module", "peer_nic"):
        if getattr(options, option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} is for one NIC: name it by --nic")
    booting.refuse_unknown(options.faults)
    faults = known_issues.load(KNOWN_FAULTS)
    with building(options.build) as programs:
        options.kernel = kernels.made(options.kernel, options.with_)
        cells = _cells(options, (options.out or RESULTS).resolve())
        build = programs()
    if options.faults:
        cells = _able(cells, options.faults, build)
    # A filter may leave nothing for the lab without a NIC; where it does so for all, they say it.
    cells = [cell for cell in cells if selects(build, options.words, KINDS[cell.nic])] or cells
    # The longest first, so that no core is idle for long at the end: of the NICs the last has most
    # to wait for, and the lab without one is short.
    in_turn = sorted(cells[::-1], key=lambda cell: cell.nic == NO_NIC)
    jobs = [Job(cell.name, _command(cell, build, options)) for cell in in_turn]
    statuses = {ended.job.name: ended.status for ended in pool.run(jobs, labs_at_once())}
    reports = [cell.out / JUNIT for cell in cells]
    for cell in cells:  # not to be missed among what the labs said
        for note in _notes(cell, faults, whole=not leaves_out(options.words)):
            print(note)
    for cell, report in zip(cells, reports, strict=True):
        status = f"exit status {statuses[cell.name]}"
        said = f"{summary(report)}: {report}" if report.exists() else status
        print(f"{cell.name}: {said}")
    print(f"all: {summary(*filter(Path.exists, reports))}", flush=True)
    return worst(list(statuses.values()))


def _able(cells: Sequence[Cell], faults: Sequence[str], programs: Path) -> list[Cell]:
    """Those whose NIC can be given all `faults`; UsageError, with why not, where none can."""
    known = catalogue.load().of_build(programs)
    able, refused = [], []
    for cell in cells:
        if cell.nic not in NICS:
            continue
        try:
            for text in faults:
                known.setting(text, cell.nic)
            able.append(cell)
        except UsageError as error:
            refused.append(str(error))
    if not able:
        raise UsageError("; ".join(dict.fromkeys(refused)))
    return able


def _notes(cell: Cell, faults: Sequence[KnownIssue], *, whole: bool) -> Sequence[str]:
    try:
        lab = CellResult(cell.nic, cell.kernel, [])
        return verdict.of(cell.out / JUNIT, lab, faults, whole=whole).notes
    except JunitError:
        return []


def worst(statuses: Sequence[int | None]) -> int:
    """A lab that timed out has no status."""
    known = [status for status in statuses if status is not None]
    return max(known, key=lambda one: _SEVERITY.index(one) if one in _SEVERITY else 99)


def _cells(options: argparse.Namespace, out: Path) -> list[Cell]:
    """Whatever several labs would fetch or make is fetched and made here."""
    supplies = Supplies()
    cells = []
    for nic in KINDS:
        kernel = supplies.kernel(options.kernel, nic)
        name = "-".join([nic, kernel.version, *options.with_])
        cell = Cell(nic, kernel.version, out / name, str(options.kernel))
        with results_folder(cell.out):  # not while another lab writes there
            (cell.out / JUNIT).unlink(missing_ok=True)
            prepare(booting.plan(nic, kernel, supplies, BUILD, cell.out, None, cold=options.cold))
        cells.append(cell)
    return cells


def _command(cell: Cell, programs: Path, options: argparse.Namespace) -> list[str]:
    """The user's own options, made definite: argparse takes the last of an option given twice."""
    definite = ["--nic", cell.nic, "--kernel", cell.asked, "--with", ""]
    definite += ["--build", str(programs), "--out", str(cell.out)]
    words = [*["--gtest_color=yes"] * sys.stdout.isatty(), *options.words]
    return [sys.executable, "-m", "vlab", *options.own, *definite, "--", *words]
