"""`ci/lab mutations`: whether each test fails on a kernel that has the fault it is for."""

from __future__ import annotations

import argparse
import datetime
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.paths import RESULTS
from vlab.commands import arguments, booting
from vlab.kernels import build as kernels
from vlab.kernels.build import BuildError
from vlab.kernels.kernel import Kernel
from vlab.machines.lab import lab
from vlab.machines.supplies import Supplies
from vlab.mutations import catalogue, verdict
from vlab.mutations.catalogue import Mutation
from vlab.mutations.kernel import MutableKernel, mutable
from vlab.mutations.verdict import Tried
from vlab.results.folder import results_folder
from vlab.results.table import width_or
from vlab.suites import selection
from vlab.suites.build import building
from vlab.suites.suite import OurSuite, Ran

_LIMIT_S = 90.0  # a test that waits for what a mutation took away does so for 10 s; a hang costs all
_WIDTH = 200  # of a table that goes to no terminal
_CONTROL = "none"  # the folder of the kernel as it is


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("names", metavar="NAME", nargs="*", help="only these; * and ? stand for others (all)")
    add("--kernel-source", metavar="TREE", dest="kernel", type=arguments.kernel, default="7.3",
        help="a kernel tree, or a series of Debian's, whose source is fetched (%(default)s)")  # fmt: skip
    booting.add_build(parser)
    add("--out", metavar="DIR", type=Path, default=RESULTS / "mutations",
        help="receives the table, JSON and a folder of each mutation (results/mutations)")  # fmt: skip
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
        help="time limit of the tests under each mutation (%(default)s)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    every = catalogue.load()
    wanted = catalogue.chosen(every, options.names)
    with results_folder(options.out.resolve()) as out:
        with building(options.build) as programs:
            tree = kernels.tree_of(options.kernel)
            for one in wanted:  # said before anything is built
                one.applied(tree)
            build = programs()
        _refuse_idle(wanted, build)
        started, begin = datetime.datetime.now(datetime.UTC), time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="zcrx-mutations-") as scratch,
            mutable(tree, Path(scratch)) as kernel,
        ):
            trials = _Trials(kernel, Supplies(), build, out, options.limit)
            tried = trials.all(wanted)
        seconds = time.monotonic() - begin
        (out / "mutations.json").write_text(
            verdict.dump(tried, tree.name, started, seconds), encoding="utf-8"
        )
        text = "".join(f"{line}\n" for line in verdict.table(tried, width_or(_WIDTH)))
        text += f"{verdict.summary(tried, seconds)}\n"
        (out / "mutations.txt").write_text(text, encoding="utf-8")
        print(f"{text}{out}: mutations.txt, mutations.json", flush=True)
    return 0 if all(one.caught for one in tried) else 1


def _refuse_idle(mutations: Sequence[Mutation], programs: Path) -> None:
    tests = selection.listed(programs)
    for one in mutations:
        if not any(one.catches(test.name) for test in tests):
            raise UsageError(f"mutation {one.name}: no test has a name like {one.caught_by}")


@dataclass(frozen=True)
class _Trials:
    kernel: MutableKernel
    supplies: Supplies
    programs: Path
    out: Path
    limit_s: float

    def all(self, mutations: Sequence[Mutation]) -> list[Tried]:
        nics = dict.fromkeys(one.nic for one in mutations)
        control = {
            nic: self._control(nic, [one.caught_by for one in mutations if one.nic == nic])
            for nic in nics
        }
        tried = []
        for one in mutations:
            found = self._try(one, control[one.nic])
            tried.append(found)
            line = f"{one.name}: {found.verdict} {f'by {found.by}' * bool(found.by)}".rstrip()
            progress.note(f"{line} ({found.seconds:.0f} s, {len(tried)} of {len(mutations)})")
        return tried

    def _control(self, nic: str, patterns: Sequence[str]) -> Ran:
        """All tests that are to catch something, where there is nothing to catch."""
        kernel = self.kernel.make(None, self.supplies.modules(nic))
        ran = self._run(nic, kernel, ":".join(dict.fromkeys(patterns)), f"{_CONTROL}-{nic}")
        if ran.trouble:
            raise LabError(f"the kernel without a mutation: {ran.trouble}")
        return ran

    def _try(self, mutation: Mutation, control: Ran) -> Tried:
        begin = time.monotonic()
        if not verdict.able(mutation, control):
            seen = [case for case in control.cases if mutation.catches(case.test)]
            said = seen[0].text.partition("\n")[0] if seen else "it did not run"
            return verdict.not_tried(mutation, f"no such test passes without it: {said}")
        try:
            kernel = self.kernel.make(mutation, self.supplies.modules(mutation.nic))
        except BuildError as error:
            return verdict.not_tried(mutation, f"it does not compile: {error}")
        ran = self._run(mutation.nic, kernel, mutation.caught_by, mutation.name)
        return verdict.judged(mutation, control, ran, time.monotonic() - begin)

    def _run(self, nic: str, kernel: Kernel, chosen: str, name: str) -> Ran:
        out = self.out / name
        out.mkdir(exist_ok=True)
        plan = booting.plan(nic, kernel, self.supplies, self.programs, out, None, cold=True)
        try:
            with lab(plan) as running:
                words = [f"--gtest_filter={chosen}"]
                return OurSuite().run(running, words, out / "suite.log", Deadline(self.limit_s))
        except LabError as error:  # it did not come up
            return Ran([], 0.0, str(error))
