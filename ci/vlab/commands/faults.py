"""`ci/lab faults`: the suite under each fault of the NICs, and how it reacts."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vlab.base.errors import LabError, UsageError
from vlab.base.paths import KNOWN_FAULTS
from vlab.base.pool import Job
from vlab.commands import arguments, booting
from vlab.commands.booting import Engine
from vlab.debian import tools
from vlab.faults import catalogue, detection, fault_lab, kept, page, table
from vlab.faults.catalogue import Catalogue, InjectedFault
from vlab.faults.detection import FaultReport
from vlab.kernels import build as kernels
from vlab.machines.guests import NICS
from vlab.machines.supplies import Supplies
from vlab.results import junit, known_issues
from vlab.results.folder import JUNIT, results_folder
from vlab.results.table import width_or
from vlab.suites.build import building
from vlab.suites.suite import KernelSuite, OurSuite

_SUITES = {"ours": OurSuite, "kernel": KernelSuite}
_LIMIT_S = 600.0  # a command that is never answered costs half a minute, each time
_WIDTH = 200  # of a table that goes to no terminal
_JSON, _HTML = "faults.json", "faults.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--faults", metavar="NAME[=ARGUMENT],...", type=arguments.several(str),
        help="only these (all)")  # fmt: skip
    add("--quick", action="store_true",
        help="under each fault only the tests that must catch it")  # fmt: skip
    add("--gate", action="store_true",
        help="each fault once, on one NIC and with one of these tests")  # fmt: skip
    add("--resume", metavar="DIR", type=Path,
        help="keep in DIR what came of each fault, and leave out what an earlier call has kept "
        "there, was as it should be and has not changed since: programs, kernel, lab, fault")  # fmt: skip
    add("--suite", choices=sorted(_SUITES, reverse=True), default="ours",
        help="this project's, or the kernel's own, held to nothing (%(default)s)")  # fmt: skip
    add("--kernel", metavar="KERNEL", type=arguments.kernel, default="7.3",
        help="newest Debian kernel of a series, a built tree, a .deb or an image (%(default)s)")  # fmt: skip
    booting.add_options_of_several(
        parser, name="faults", logs="all logs", ends="the suite under each fault", limit_s=_LIMIT_S,
        kinds=NICS,
    )  # fmt: skip
    parser.epilog = f"{catalogue.load().help()}\n\n{parser.epilog}"


def act(options: argparse.Namespace) -> int:
    if (options.quick or options.gate) and options.suite != "ours":
        raise UsageError("--quick and --gate select tests of this project: not with --suite kernel")
    if options.gate and (options.quick or options.faults):
        raise UsageError("--gate selects faults and tests: not with --faults or --quick")
    every_fault = catalogue.load()
    for text in options.faults or ():  # said before anything is built
        every_fault.kind(text)
    engine = booting.engine(options)
    with building(options.build) as programs:
        options.kernel = kernels.made(options.kernel, options.with_)
        build = programs()
    every_fault = every_fault.of_build(build)
    settings = {nic: _settings(options, every_fault, nic) for nic in options.nics}
    settings = {nic: wanted for nic, wanted in settings.items() if wanted}
    if not settings:
        raise UsageError(f"no such fault on {', '.join(options.nics)}")
    started = datetime.datetime.now(datetime.UTC)
    with results_folder(options.out.resolve()) as out:
        if len(settings) == 1 and engine.local:
            ((nic, wanted),) = settings.items()
            one = _one(options, nic, wanted, build, out)
            if options.gate:
                run, every = {own.text for own in wanted}, every_fault.settings(nic)
                one = replace(one, left_out=[own.text for own in every if own.text not in run])
            _show(one)
            found = [one]
        else:
            found = _each(options, list(settings), build, out, engine)
        _leave(found, started, out)
    # Some faults only, or one NIC, say nothing about the tests that they leave alone.
    whole = options.faults is None and len(found) == len(NICS)
    idle = detection.idle_tests(found) if whole else []
    if idle:
        print(f"No fault makes these tests fail: {', '.join(idle)}", flush=True)
    idle_counts = bool(idle) and options.suite == "ours"
    return 1 if idle_counts or any(one.all_problems() for one in found) else 0


def _settings(
    options: argparse.Namespace, every_fault: Catalogue, nic: str
) -> list[InjectedFault]:
    if options.gate:
        return every_fault.gate(nic)
    if options.faults is None:
        return every_fault.settings(nic)
    return every_fault.wanted(options.faults, nic)


def _one(
    options: argparse.Namespace, nic: str, settings: list[InjectedFault], programs: Path, out: Path
) -> FaultReport:
    suite = _SUITES[options.suite]()
    supplies = Supplies()
    kernel = supplies.kernel(options.kernel, nic)
    plan = booting.plan(nic, kernel, supplies, programs, out, suite.share())
    few = options.quick or options.gate
    known = known_issues.load(KNOWN_FAULTS)
    rows = None if options.resume is None else kept.of(options.resume.resolve() / nic, plan)
    task = fault_lab.Task(nic, plan, suite, settings, few, options.limit, known, rows)
    return fault_lab.run(task)


def _show(found: FaultReport) -> None:
    width, colour = width_or(_WIDTH), sys.stdout.isatty()
    print(table.render(found, width, colour=colour), end="", flush=True)


def _each(
    options: argparse.Namespace, nics: list[str], programs: Path, out: Path, engine: Engine
) -> list[FaultReport]:
    """A process for each NIC: labs at once are processes of their own everywhere."""
    supplies = Supplies()
    for nic in nics:  # fetched and tried here, and not by several at once
        kernel = supplies.kernel(options.kernel, nic)
        tools.accelerator(supplies.tools, kernel.image, is_own=kernel.is_own)
    _SUITES[options.suite]().share()
    own = [sys.executable, "-m", "vlab", *options.own, "--build", str(programs)]
    own += ["--kernel", str(options.kernel), "--with", "", "--on", "local"]
    jobs = [
        Job(nic, [*own, "--nics", nic, "--out", str(out / nic)], folder=out / nic) for nic in nics
    ]
    for nic in nics:
        (out / nic / _JSON).unlink(missing_ok=True)
    found = []
    for ended in engine.run(jobs, engine.at_once):
        nic = ended.job.name
        try:
            found.append(detection.load((out / nic / _JSON).read_text(encoding="utf-8")))
        except FileNotFoundError:
            why = f": {ended.trouble}" if ended.trouble else "; see its output above"
            raise LabError(f"the {nic} lab produced no result{why}") from None
    return found


def _leave(found: Sequence[FaultReport], started: datetime.datetime, out: Path) -> None:
    if len(found) == 1:
        (out / _JSON).write_text(detection.dump(found[0]), encoding="utf-8")
    (out / _HTML).write_text(page.render(found, started), encoding="utf-8")
    junit.write(out / JUNIT, [one.as_cell() for one in found], "faults")
    if len(found) > 1:
        for one in found:
            print(one.summary())
    print(f"{out}: {_HTML}, {JUNIT}", flush=True)
    for one in found:
        for row, problem in one.all_problems():
            print(f"{one.name} {row.fault}: {problem.partition(chr(10))[0]}", flush=True)
