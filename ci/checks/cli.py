"""The command line of ci/check."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from checks import ledger, steps
from checks.changed import Changes, Scope
from checks.interruption import Interruption
from checks.ledger import Ledger
from checks.report import Report, say
from checks.schedule import Schedule
from checks.step import TIERS, Result, Step
from vlab.base.errors import EXIT_LAB, EXIT_USAGE, LabError, UsageError
from vlab.base.locks import held
from vlab.base.paths import RESULTS
from vlab.results.outcome import Outcome

_WIDTH = 160  # of a command in --list
Table = Callable[[Scope], Sequence[Step]]

_TIERS = """\
tiers:
  quick    what changed since a commit: a few minutes
  gate     every proof once; has to pass before a change goes in (the default)
  nightly  the long forms too: hours. A second call goes on where the first was cut off, and
           leaves out what has passed with the same files.

All steps run even if an earlier one fails, except those that need it. Each leaves its output in
results/check/STEP.log, all together results/check/steps.json and junit.xml. ci/README.md says
what each step proves.

Exit status: 0 all passed, 1 a step failed, 2 bad usage, 5 the check could not begin, 128 + N
ended by signal N.
"""


def main(
    arguments: Sequence[str], table: Table = steps.table, folder: Path = RESULTS / "check"
) -> int:
    try:
        return _check(_parse(arguments), table, folder)
    except UsageError as error:
        print(f"ci/check: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (LabError, OSError) as error:
        print(f"ci/check: {error}", file=sys.stderr)
        return EXIT_LAB


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="ci/check", description="Proves this tree: builds, tests, lints, fuzzes.",
        epilog=_TIERS, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    add = parser.add_argument
    add("--tier", choices=TIERS, default="gate", help="how much (%(default)s)")
    add("--only", metavar="STEP,...",
        help="these steps, with what others have built before them")  # fmt: skip
    add("--since", metavar="COMMIT",
        help="quick: what changed since this commit, committed or not (HEAD)")  # fmt: skip
    add("--fresh", action="store_true", help="nightly: also what has passed already")
    add("--list", action="store_true", help="the steps of the tier, their budgets and commands")
    options = parser.parse_args(arguments)
    if options.since is not None and options.tier != "quick":
        raise UsageError(f"--since is for --tier quick; {options.tier} looks at everything")
    if options.fresh and options.tier != "nightly":
        raise UsageError(f"--fresh is for --tier nightly; {options.tier} remembers nothing")
    return options


def _check(options: argparse.Namespace, table: Table, folder: Path) -> int:
    changes = Changes.load(options.since or "HEAD") if options.tier == "quick" else None
    if options.list:
        _list(_selected(table(Scope(options.tier, changes)), options), options.tier)
        return 0
    if changes is not None and not changes.files:
        say(f"ci/check: nothing changed since {changes.since}")
        return 0
    with _alone(folder), Interruption() as interruption:
        every = table(Scope(options.tier, changes))
        wanted = _selected(every, options)
        book = None
        if options.tier == "nightly":
            book = Ledger(ledger.home(), wanted, ledger.files, fresh=options.fresh)
        report = Report(options.tier, wanted, folder, book.add if book else lambda result: None)
        done = _left_out(wanted, book.passed if book and not options.only else {})
        for name, why in done.items():
            report.add(Result(name, Outcome.SKIPPED, why))
        if changes is not None:
            say(f"{len(changes.files)} files changed since {changes.since}")
        to_run = [step for step in wanted if step.name not in done]
        Schedule(to_run, report, folder).run(interruption)
        for line in report.summary():
            say(line)
        if changes is not None and not options.only:
            others = [step.name for step in every if "quick" not in step.budget]
            say(f"not looked at by quick: {' '.join(others)}")
        if book is not None:
            say(f"nightly: {book.summary()}")
        return _verdict(report, interruption)


def _verdict(report: Report, interruption: Interruption) -> int:
    """The last line, and the exit status."""
    if interruption.number:
        say(f"ci/check: interrupted by {interruption.name}")
        return 128 + interruption.number
    if report.failed:
        say(f"ci/check: failed: {' '.join(report.failed)}")
        return 1
    say(f"ci/check: all passed in {report.seconds:.0f} s")
    return 0


def _selected(every: Sequence[Step], options: argparse.Namespace) -> list[Step]:
    in_tier = [step for step in every if options.tier in step.budget]
    if options.only is None:
        return in_tier
    names = options.only.split(",")
    known = [step.name for step in in_tier]
    for name in names:
        if name not in known:
            raise UsageError(f"{options.tier} has no step '{name}'; it has {', '.join(known)}")
    return [step for step in in_tier if step.name in names]


def _left_out(wanted: Sequence[Step], passed: Mapping[str, str]) -> dict[str, str]:
    """Steps that have nothing to do or have passed before, and why they do not run."""
    done = {step.name: "nothing changed" for step in wanted if not step.commands}
    needed: set[str] = set()
    for step in reversed(wanted):
        if step.name in passed and not (step.rebuilds and step.name in needed):
            done[step.name] = f"passed already, {passed[step.name]}"
        if step.name not in done:
            needed.update(step.needs)
    return done


def _list(chosen: Sequence[Step], tier: str) -> None:
    for step in chosen:
        after = f", after {' '.join(step.needs)}" * bool(step.needs)
        beside = ", in the background" * step.background
        say(f"{step.name}: {step.budget[tier]:g} s, ended at {step.limit:g} s{after}{beside}")
        for command in step.commands:
            say(f"    {textwrap.shorten(shlex.join(command), _WIDTH, placeholder=' ...')}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two checks of one tree would build into each other's folders and mix their logs."""
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder, f"another check of this tree is running ({folder})"):
        yield
