"""`ci/lab coverage`: which lines of zcrx, page pool and drivers the suites reach."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.paths import KNOWN_FAULTS, RESULTS
from vlab.commands import arguments, booting
from vlab.kernels import build as kernels
from vlab.kernels import profiled
from vlab.machines.guests import KINDS
from vlab.machines.lab import Lab
from vlab.results import coverage, guest_file, known_issues
from vlab.results.folder import results_folder
from vlab.results.known_issues import KnownIssue
from vlab.suites.build import building
from vlab.suites.suite import KernelSuite, OurSuite, Suite

_SUITES: dict[str, Callable[[], Suite]] = {"ours": OurSuite, "kernel": KernelSuite}
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
    add("--suite", metavar="SUITE,...", type=arguments.several(_suite), default=["ours"],
        help="ours, kernel (the kernel's own), or both (ours)")  # fmt: skip
    add("--kernel", metavar="KERNEL", type=arguments.kernel, default="7.3",
        help="a series of Debian's or a kernel tree: its source is built with gcov (%(default)s)")  # fmt: skip
    booting.add_with(parser)
    booting.add_nics(parser)
    booting.add_build(parser)
    add("--out", metavar="DIR", type=Path, default=RESULTS / "coverage",
        help="receives the table, the page and all logs (results/coverage)")  # fmt: skip
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=_LIMIT_S,
        help="time limit of a suite (%(default)s)")  # fmt: skip


def _suite(text: str) -> str:
    if text not in _SUITES:
        raise argparse.ArgumentTypeError(f"neither ours nor kernel: '{text}'")
    return text


def act(options: argparse.Namespace) -> int:
    known = known_issues.load(KNOWN_FAULTS)  # refused before anything is built
    with results_folder(options.out.resolve()) as out:
        with building(options.build) as programs:
            tree = kernels.tree_of(options.kernel)
            built = kernels.build(tree, sorted({*options.with_, kernels.COVERAGE}))
            options.build = programs()
        parts: dict[str, list[Path]] = {name: [] for name in options.suite}
        failed = False
        for nic in options.nics:
            if not _of_lab(options.suite, nic):
                continue
            failed |= _of_nic(options, nic, tree, built, out, known, parts)
        _tell(tree, list(profiled.files(tree, options.nics)), parts, out)
    return 1 if failed else 0


def _of_nic(
    options: argparse.Namespace, nic: str, tree: Path, built: Path, out: Path,
    known: Sequence[KnownIssue], parts: dict[str, list[Path]],
) -> bool:  # fmt: skip
    """Adds what each suite reaches with `nic` to its `parts`; returns whether a test of ours failed.
    What booting reaches counts for each."""
    suites = _of_lab(options.suite, nic)
    shares = [share for suite in suites.values() if (share := suite.share())]
    one = argparse.Namespace(
        nic=nic, kernel=built, with_=[], module=None, out=out / nic, faults=[], cold=True,
        build=options.build,
    )  # fmt: skip
    failed = False
    with booting.booted(one, next(iter(shares), None)) as lab:
        boot = out / f"{nic}-boot.info"
        _collect(lab, tree, built, nic, boot)
        for name, suite in suites.items():
            suite.install(lab)
            with progress.phase(f"{nic}: {suite.name}"):
                ran = suite.run(lab, [], out / f"{nic}-{name}.log", Deadline(options.limit))
            judged = ran.judged(nic, lab.plan.kernel.version, known)
            failed |= judged.failed and suite.strict
            if judged.failed:
                progress.note(f"{nic}: {suite.name} failed; see {out / f'{nic}-{name}.log'}")
            info = out / f"{nic}-{name}.info"
            _collect(lab, tree, built, nic, info)
            parts[name] += [boot, info]
    return failed


def _of_lab(names: Sequence[str], nic: str) -> dict[str, Suite]:
    """Those that a lab with `nic` can run."""
    suites = {name: _SUITES[name]() for name in names}
    return {name: one for name, one in suites.items() if KINDS[nic].config or not one.needs_nic}


def _collect(lab: Lab, tree: Path, built: Path, nic: str, info: Path) -> None:
    """Takes the counters, and sets them to 0."""
    if lab.run(["sh", "-c", _COLLECT, "sh", str(built)], Deadline(_SHORT_S)) != 0:
        raise LabError("the guest did not give its counters")
    counters = guest_file.read(lab.plan.results / _COUNTERS, _MOST_BYTES)
    (lab.plan.results / _COUNTERS).unlink()
    coverage.take(counters, built, profiled.files(tree, [nic]), info)


def _tell(tree: Path, sources: list[Path], parts: dict[str, list[Path]], out: Path) -> None:
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
