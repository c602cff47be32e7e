"""`ci/lab repro`: whether a fault of conf/known-faults.toml still happens."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, LabError, UsageError
from vlab.base.paths import KNOWN_FAULTS, RESULTS
from vlab.commands import arguments, booting
from vlab.commands.booting import booted
from vlab.commands.cells import Cell
from vlab.kernels import build as kernels
from vlab.kernels.build import BuildError
from vlab.kernels.debian import NoSuchKernel
from vlab.machines.lab import Lab
from vlab.machines.supplies import Supplies
from vlab.results import known_issues
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import Outcome
from vlab.results.table import clean, paragraph, width_or
from vlab.suites.build import building
from vlab.suites.suite import OurSuite, Ran

_LOG = "suite.log"  # of the last run
_LIMIT_S = 900.0
_WIDTH = 160  # of what goes to no terminal


class Found(Enum):
    HAPPENS = "happens"
    NOT = "does not happen"
    BROKE = "the lab broke otherwise, so that nothing is known"
    NOT_TRIED = "there is nothing to try it with"


@dataclass(frozen=True)
class Tried:
    """One kernel with one NIC."""

    found: Found
    line: str


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", nargs="?", help="the fault's name")
    booting.add_options(parser, nic=None, kernel=None, out=RESULTS / "repro")
    add("--runs", metavar="N", type=arguments.number,
        help="how often to try at most (what the fault's entry says)")  # fmt: skip
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
        help="time limit of the suite in each run (%(default)s)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    faults = known_issues.load(KNOWN_FAULTS)
    if options.name is None:
        for line in _listed(faults):
            print(line)
        return 0
    fault = _of_name(faults, options.name)
    nics = [options.nic] if options.nic else fault.nics
    if options.module is not None and len(nics) > 1:
        raise UsageError("--module is for one NIC: name it by --nic")
    if options.with_ and options.kernel is None:
        raise UsageError("--with builds the kernel that --kernel names")
    tried = []
    with building(options.build) as programs:
        options.kernel, options.with_ = kernels.made(options.kernel, options.with_), []
        cells = list(_cells(options, fault, nics))
        options.build = programs()
    for cell in cells:
        one = cell if isinstance(cell, Tried) else _try(options, fault, faults, cell)
        print(clean(one.line), flush=True)
        tried.append(one.found)
    print(f"logs: {options.out.resolve()}", flush=True)
    return _status(tried)


def _listed(faults: Sequence[KnownIssue]) -> Iterator[str]:
    width = width_or(_WIDTH)
    for fault in faults:
        yield f"{fault.name}: {', '.join(fault.nics)} of {', '.join(fault.kernels)}"
        yield from paragraph("", fault.cause, width)


def _of_name(faults: Sequence[KnownIssue], name: str) -> KnownIssue:
    for fault in faults:
        if fault.name == name:
            return fault
    raise UsageError(f"no known fault has the name '{name}'; ci/lab repro lists them")


def _cells(
    options: argparse.Namespace, fault: KnownIssue, nics: Sequence[str]
) -> Iterator[Cell | Tried]:
    """Every lab to try it in, or why there is none. Fetches the kernels."""
    supplies = Supplies()
    out = options.out.resolve()
    for nic in nics:
        for known in [options.kernel] if options.kernel else fault.kernels:
            series = ".".join(known.split(".")[:2]) if isinstance(known, str) else known
            try:
                what = series if options.kernel else kernels.made(series, fault.built_with)
                version = supplies.kernel(what, nic).version
            except (NoSuchKernel, BuildError) as error:
                yield Tried(Found.NOT_TRIED, f"not tried on {nic} {known}: {error}")
                continue
            if known in (series, version):
                yield Cell(nic, version, out / f"{nic}-{version}", str(what))
            else:
                newest = f"Debian has {version} now, which --kernel {series} tries"
                yield Tried(Found.NOT_TRIED, f"not tried on {nic} {known}: {newest}")


def _try(
    options: argparse.Namespace, fault: KnownIssue, known: Sequence[KnownIssue], cell: Cell
) -> Tried:
    own = argparse.Namespace(**vars(options))
    own.nic, own.out = cell.nic, cell.out
    own.kernel = options.kernel or arguments.kernel(cell.asked)
    own.faults = [*options.faults, *[fault.nic_fault] * bool(fault.nic_fault)]
    trial = _Trial(fault, known, cell, options.runs or fault.most_runs)
    try:
        with booted(own, None) as lab:
            return trial.run(lab, options.limit)
    except LabError as error:  # maybe a panic as soon as there is a NIC
        found = trial.decided(Ran([], 0.0, str(error)), "before the first run")
        assert found is not None
        return found


@dataclass(frozen=True)
class _Trial:
    fault: KnownIssue
    known: Sequence[KnownIssue]
    cell: Cell
    runs: int

    def run(self, lab: Lab, limit_s: float) -> Tried:
        """Until it happens: what comes after it in the same lab says less."""
        suite, others, log = OurSuite(), 0, lab.plan.out / _LOG
        for number in range(1, self.runs + 1):
            ran = suite.run(lab, self.fault.words, log, Deadline(limit_s))
            when = f"in run {number} of at most {self.runs}"
            if (found := self.decided(ran, when)) is not None:
                return found
            others += ran.failed
            progress.note(f"{self.cell.name}: not {when}")
        runs = f"{self.runs} run{'s' * (self.runs > 1)}"
        line = f"did not happen in {runs} on {self.cell.nic} {self.cell.kernel}"
        if others:
            line += f" ({others} failed otherwise; log of the last run: {log})"
        return Tried(Found.NOT, line)

    def decided(self, ran: Ran, when: str) -> Tried | None:
        """What one run tells for good; None where it only did not happen."""
        nic, kernel = self.cell.nic, self.cell.kernel
        where = f"{when} on {nic} {kernel}"
        # Whether it happens here is asked, whatever is known of other kernels and NICs.
        here = replace(self.fault, nics=[nic], kernels=[kernel])
        for case in ran.judged(nic, kernel, [here]).cases:
            if case.outcome is Outcome.KNOWN:
                return Tried(Found.HAPPENS, f"happens: {where} ({case.test})")
        if ran.trouble:
            return Tried(Found.BROKE, f"not known: {where}: {ran.trouble}")
        cases = ran.judged(nic, kernel, self.known).cases
        if all(case.outcome in (Outcome.SKIPPED, Outcome.KNOWN) for case in cases):
            why = cases[0].text.partition("\n")[0]
            return Tried(Found.NOT_TRIED, f"not tried {where}: {why}")
        return None


def _status(found: Sequence[Found]) -> int:
    if Found.NOT in found:
        return 1
    return EXIT_LAB if Found.BROKE in found or Found.HAPPENS not in found else 0
