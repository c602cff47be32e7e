"""`ci/lab coverage`: which lines of zcrx, page pool and drivers the suites reach."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.paths import KNOWN_FAULTS, RESULTS
from vlab.commands import arguments, booting
from vlab.faults import catalogue
from vlab.kernels import build as kernels
from vlab.kernels import profiled
from vlab.machines.guests import KINDS
from vlab.machines.lab import Lab
from vlab.machines.supplies import Supplies
from vlab.results import coverage, guest_file, known_issues
from vlab.results.folder import results_folder
from vlab.results.known_issues import KnownIssue
from vlab.suites import selection
from vlab.suites.build import building
from vlab.suites.suite import KernelSuite, OurSuite, Suite

_OURS = "ours"
_SUITES: dict[str, Callable[[], Suite]] = {_OURS: OurSuite, "kernel": KernelSuite}
_LIMIT_S = 900.0
_SHORT_S = 60.0
_MOST_BYTES = 64 << 20
_GCOV = "/sys/kernel/debug/gcov"
_COUNTERS = "counters.tar"
# Its files tell no size, so they are read to their ends; each has a link to what it belongs to.
_COLLECT = f"""\
set -e
[ -e {_GCOV} ] || mount -t debugfs debugfs /sys/kernel/debug
rm -rf /tmp/counters
cd {_GCOV}$1
find . -name '*.gcda' | while read -r file; do
  mkdir -p "/tmp/counters/${{file%/*}}"
  cat "$file" > "/tmp/counters/$file"
done
tar -cf /results/{_COUNTERS} -C /tmp/counters .
echo 0 > {_GCOV}/reset
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--suite", metavar="SUITE,...", type=arguments.several(_suite), default=[_OURS],
        help="ours, kernel (the kernel's own), or both (ours)")  # fmt: skip
    add("--kernel", metavar="KERNEL", type=arguments.kernel, default="7.3",
        help="a series of Debian's or a kernel tree: its source is built with gcov (%(default)s)")  # fmt: skip
    booting.add_with(parser)
    booting.add_nics(parser)
    add("--faults", metavar="NAME[=ARGUMENT],...", type=arguments.several(str), default=[],
        help="of ours, also what the tests that must catch these faults of a NIC reach under them")  # fmt: skip
    booting.add_build(parser)
    add("--out", metavar="DIR", type=Path, default=RESULTS / "coverage",
        help="receives the table, the page and all logs (results/coverage)")  # fmt: skip
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
        help="time limit of a suite (%(default)s)")  # fmt: skip
    parser.epilog = f"{catalogue.load().help()}\n\n{parser.epilog}"


def _suite(text: str) -> str:
    if text not in _SUITES:
        raise argparse.ArgumentTypeError(f"neither ours nor kernel: '{text}'")
    return text


def act(options: argparse.Namespace) -> int:
    known = known_issues.load(KNOWN_FAULTS)  # refused before anything is built
    faults = catalogue.load()
    for text in options.faults:
        faults.kind(text)
    with results_folder(options.out.resolve()) as out:
        with building(options.build) as programs:
            tree = kernels.tree_of(options.kernel)
            built = kernels.build(tree, sorted({*options.with_, kernels.COVERAGE}))
            options.build = programs()
        faults = faults.of_build(options.build)
        settings = {nic: faults.wanted(options.faults, nic) for nic in options.nics}
        labs = _Labs(options, tree, built, out, known, {name: [] for name in options.suite})
        failed = False
        for nic, of_nic in settings.items():
            apart = known_issues.endangered(nic, Supplies().kernel(built, nic), known)
            failed |= labs.whole(nic, apart)
            if apart and _OURS in options.suite:
                labs.part(nic, f"{nic}-apart", apart)
            for setting in of_nic if _OURS in options.suite else []:
                labs.part(nic, f"{nic}-{setting.text}", setting.fault.by, setting.text)
        _tell(tree, list(profiled.files(tree, options.nics)), labs.parts, out)
    return 1 if failed else 0


@dataclass(frozen=True)
class _Labs:
    """`built`: the kernel. `parts`: what each suite reaches, a file for each time it was asked."""

    options: argparse.Namespace
    tree: Path
    built: Path
    out: Path
    known: Sequence[KnownIssue]
    parts: Mapping[str, list[Path]]

    def whole(self, nic: str, apart: Sequence[str]) -> bool:
        """Adds what each suite reaches with `nic`, ours without the tests `apart`; returns whether
        a test of ours failed. What booting reaches counts for each."""
        suites = _of_lab(self.options.suite, nic)
        if not suites:
            return False
        shares = [share for suite in suites.values() if (share := suite.share())]
        failed = False
        with self._booted(nic, nic, next(iter(shares), None)) as lab:
            boot = self._collect(lab, nic, f"{nic}-boot")
            for name, suite in suites.items():
                suite.install(lab)
                log = self.out / f"{nic}-{name}.log"
                words = selection.without(apart)
                with progress.phase(f"{nic}: {suite.name}"):
                    deadline = Deadline(self.options.limit)
                    ran = suite.run(lab, words if suite.strict else [], log, deadline)
                judged = ran.judged(nic, lab.plan.kernel.version, self.known)
                failed |= judged.failed and suite.strict
                if judged.failed:
                    progress.note(f"{nic}: {suite.name} failed; see {log}")
                self.parts[name].extend([boot, self._collect(lab, nic, f"{nic}-{name}")])
        return failed

    def part(self, nic: str, name: str, tests: Sequence[str], fault: str = "") -> None:
        """Adds what booting and these tests of ours reach in a lab of their own, whose NIC may be
        given a fault. That they fail then is no failure: `ci/lab faults` looks at that. Some drivers
        take their guest with them, and what was reached."""
        words = selection.only(tests)
        with self._booted(nic, name, None) as lab:
            if fault:
                lab.set_fault(fault)
            with progress.phase(name):
                OurSuite().run(lab, words, self.out / f"{name}.log", Deadline(self.options.limit))
            try:
                self.parts[_OURS].append(self._collect(lab, nic, name))
            except LabError as error:
                progress.note(f"{name}: {str(error).partition(chr(10))[0]}")

    def _booted(self, nic: str, name: str, share: Path | None) -> AbstractContextManager[Lab]:
        one = argparse.Namespace(
            nic=nic, kernel=self.built, with_=[], module=None, out=self.out / name, faults=[],
            cold=True, build=self.options.build,
        )  # fmt: skip
        return booting.booted(one, share)

    def _collect(self, lab: Lab, nic: str, name: str) -> Path:
        """Takes the counters, and sets them to 0."""
        if lab.run(["sh", "-c", _COLLECT, "sh", str(self.built)], Deadline(_SHORT_S)) != 0:
            raise LabError("the guest did not give its counters")
        counters = guest_file.read(lab.plan.results / _COUNTERS, _MOST_BYTES)
        (lab.plan.results / _COUNTERS).unlink()
        info = self.out / f"{name}.info"
        coverage.take(counters, self.built, profiled.files(self.tree, [nic]), info)
        return info


def _of_lab(names: Sequence[str], nic: str) -> dict[str, Suite]:
    """Those that a lab with `nic` can run."""
    suites = {name: _SUITES[name]() for name in names}
    return {name: one for name, one in suites.items() if KINDS[nic].config or not one.needs_nic}


def _tell(
    tree: Path, sources: Sequence[Path], parts: Mapping[str, Sequence[Path]], out: Path
) -> None:
    suites = {}
    for name, of_suite in parts.items():
        coverage.merge(of_suite, tree, sources, out / f"{name}.info")
        suites[name] = coverage.read(out / f"{name}.info", tree)
    every = sorted({part for of_suite in parts.values() for part in of_suite})
    coverage.merge(every, tree, sources, out / "all.info")
    whole = coverage.read(out / "all.info", tree)
    coverage.page(out / "all.info", tree, f"zcrx, reached by {' and '.join(parts)}", out / "html")
    lines = coverage.table(suites if len(suites) == 1 else {**suites, "all": whole})
    for one, two in itertools.permutations(suites, 2):
        only = coverage.only_in(suites[one], suites[two])
        lines += ["", f"only {one} reaches, not {two}:", *only]
    lines += ["", "never called:", *coverage.never_called(whole)]
    text = "".join(f"{line}\n" for line in lines)
    (out / "coverage.txt").write_text(text, encoding="utf-8")
    print(f"{text}{out}: coverage.txt, html/index.html", flush=True)
