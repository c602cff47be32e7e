"""The table of steps: what a check runs, in which tier, and how long it may take.

ci/README.md says what each one proves. Budgets are seconds on two cores of a fast machine with
empty caches; those in the background count what they wait for the others. The gate's limits keep a
hanging one below an hour and a half.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

from checks import ledger
from checks.changed import Scope
from checks.step import Command, Step
from vlab.base.paths import REPOSITORY

_PROGRAMS, _SANITIZED = "build", "build/sanitize"
_LOOPS, _PARTS = 100, range(1, 11)  # of the whole suite
_CORES = len(os.sched_getaffinity(0))
_FUZZ_TARGETS = sorted(
    f"fuzz_{name}{script}"
    for kind, name in re.findall(
        r"^zcrx_fuzz_(target|model)\((\w+) ",
        (REPOSITORY / "test/fuzz/CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE,
    )
    for script in (("",) if kind == "target" else ("_commands", "_rings"))
)  # fmt: skip
# The kernels that the suite runs on beside Debian's: what each is built with, and how long it takes.
# Half of that is the build.
_KERNELS = (
    ("kasan", "faultinjection,kasan,lockdep", 3600),
    ("kcsan", "kcsan", 2400),
    ("debug", "debug,kmemleak", 2400),
)
# Tests of test/lab in their long form.
_LAB_TESTS: tuple[tuple[str, str, dict[str, int], int], ...] = (
    ("lava", "lava", {}, 200),
    ("signals-50", "signals", {"ZCRX_SIGNALS": 50}, 1500),
    ("racks-20", "slurm_racks", {"ZCRX_RACK_JOBS": 20}, 600),
    ("racks-guest", "slurm_guest", {}, 150),
    ("guardian-3", "guardian", {"ZCRX_KILL_ROUNDS": 3}, 3600),
    ("slurm-60", "slurm", {"ZCRX_SLURM_KILLS": 60}, 2400),
)
# Whose change can change what the suite does in the lab; what is for --on slurm alone cannot.
_SLURM = "ci/vlab/base/slurm"
_LAB_PARTS = (
    "support/", "fixtures/", "test/hw/", "ci/vnic/", "ci/vlab/", f"!{_SLURM}", "ci/lab", "conf/",
    "CMake", "test/CMake",
)  # fmt: skip
_CODE_PARTS = (*_LAB_PARTS, "test/", "ci/", ".clang-tidy")
# What else a test of test/lab uses, and a fuzzer.
_LAB_TEST_PARTS = (*_LAB_PARTS, _SLURM, "test/lab/", "ci/package/", "ci/install-packages")
_FUZZ_PARTS = (
    "support/base/", "support/version/", "ci/vnic/", "test/fuzz/", "test/unit/bnxt_driver.h",
    "test/unit/bnxt_queues.h", "test/unit/gve_driver.h", "test/unit/gve_queues.h",
    "test/unit/mlx5_driver.h", "test/unit/mlx5_queues.h", "test/unit/net_frames.h",
    "test/unit/vnic_fakes.h", "CMake", "test/CMake",
)  # fmt: skip
_SCRIPTS = (
    ".ci/run", "ci/check", "ci/install-packages", "ci/lab", "ci/version",
    "ci/vlab/machines/guest/boot",
    "ci/package/completion.bash", "ci/package/kselftest/drivers/net/hw/zcrx.sh",
    "ci/package/launcher", "ci/package/man", "ci/package/prerm", "conf/lava/tap-to-lava",
    "conf/slurm/*.sh", "conf/slurm/zcrx.sbatch", "test/lab/*.sh",
)  # fmt: skip


def table(scope: Scope) -> list[Step]:
    """All steps of all tiers, those that others need before them. The commands are for `scope`."""
    return [
        Step("format", _format(scope), {"quick": 5, "gate": 5, "nightly": 5}),
        Step("scripts", _scripts(scope), {"quick": 10, "gate": 10, "nightly": 10}),
        # The programs by GCC -O2, as users build them; warnings are errors.
        Step(
            "build", _build(scope, "ci"), {"quick": 60, "gate": 160, "nightly": 160}, rebuilds=True
        ),
        # Unit tests and fuzzers by clang, beside the labs, which leave cores idle for long.
        Step(
            "sanitize", _build(scope, "sanitize"), {"quick": 60, "gate": 480, "nightly": 480},
            background=True, rebuilds=True, due_s=4600,
        ),
        # What was clean the last time costs next to nothing, so quick has no need to select.
        Step(
            "lint", _lint(scope), {"quick": 60, "gate": 540}, ["build", "sanitize"],
            background=True, due_s=5300,
        ),
        Step(
            "analyze", [["ci/lint", "--analyze", _PROGRAMS, _SANITIZED]], {"nightly": 800},
            ["build", "sanitize"], background=True,
        ),
        Step(
            "uapi", _uapi(scope), {"quick": 5, "gate": 5, "nightly": 5}, ["build"], limit_s=45
        ),
        Step(
            "lab", [_ctest(_PROGRAMS, "lab", 2)], {"gate": 900, "nightly": 900}, ["build"],
            limit_s=2400,
        ),
        Step("suite", _suite(scope), {"quick": 60}, ["build"]),
        Step(
            "faults", [["ci/lab", "faults", "--gate", "--build", _PROGRAMS]], {"gate": 230},
            ["build"], limit_s=1020,
        ),
        # Unit tests wait more than they work.
        Step(
            "unit", _unit(scope), {"quick": 30, "gate": 120, "nightly": 120}, ["sanitize"],
            limit_s=600,
        ),
        Step("fuzz", [_ctest(_SANITIZED, "fuzz", _CORES)], {"gate": 10}, ["sanitize"]),
        *_nightly(scope),
    ]  # fmt: skip


def _nightly(scope: Scope) -> list[Step]:
    """The long forms. Each step is a point to go on from; the NICs run side by side."""
    return [
        *_unit_again(scope, "gcc", "unit"),
        *_unit_again(scope, "asan", "asan"),
        Step("consumers", [_consumers()], {"nightly": 60}, ["sanitize"], limit_s=900),
        *(
            Step(
                name, [_long_fuzz(name)], {"nightly": 1500}, ["sanitize"], _FUZZ_PARTS,
                background=True,
            )
            for name in _FUZZ_TARGETS
        ),
        Step(
            "suite-cold",
            [["ci/lab", "run", "--cold", "--build", _PROGRAMS, "--out", "results/cold"]],
            {"nightly": 500}, ["build"], _LAB_PARTS,
        ),
        Step(
            "matrix", [["ci/lab", "matrix", "--build", _PROGRAMS]], {"nightly": 1800}, ["build"],
            _LAB_PARTS,
        ),
        *(
            Step(name, [_long_lab(test, **settings)], {"nightly": seconds}, ["build"], _LAB_TEST_PARTS)
            for name, test, settings, seconds in _LAB_TESTS
        ),
        *(
            Step(
                name, [_own_kernel("run", name, "--with", options, "--limit", "3600")],
                {"nightly": seconds}, ["build"], _LAB_PARTS,
            )
            for name, options, seconds in _KERNELS
        ),
        Step(
            "coverage",
            [
                _own_kernel(
                    "coverage", "coverage", "--suite", "ours,kernel", "--with", "faultinjection",
                    "--faults", "command-refused",
                )
            ],
            {"nightly": 2400}, ["build"], _LAB_PARTS,
        ),
        Step(
            "mutations", [["ci/lab", "mutations", "--build", _PROGRAMS]], {"nightly": 1500},
            ["build"], _LAB_PARTS,
        ),
        *(
            Step(f"loops-{part}", [_loops(part)], {"nightly": 1600}, ["build"], _LAB_PARTS)
            for part in _PARTS
        ),
        Step(
            "fault-table", [_every_fault("fault-table")], {"nightly": 6000}, ["build"], _LAB_PARTS,
        ),
    ]  # fmt: skip


def _unit_again(scope: Scope, name: str, preset: str) -> list[Step]:
    """The unit tests of another build: GCC -O2 as users build it, or GCC's sanitizers."""
    build, tests = f"build-{name}", [_ctest(f"build/{preset}", "unit", 2 * _CORES)]
    return [
        Step(build, _build(scope, preset), {"nightly": 600}, background=True, rebuilds=True),
        Step(f"unit-{name}", tests, {"nightly": 120}, [build]),
    ]


def _format(scope: Scope) -> list[Command]:
    sources = scope.files("*.h", "*.cc")
    return [["clang-format-19", "--dry-run", "--Werror", *sources]] if sources else []


def _scripts(scope: Scope) -> list[Command]:
    scripts = scope.files(*_SCRIPTS)
    commands: list[Command] = [["shellcheck", *scripts]] if scripts else []
    if scope.touches_any("*.py", "ci/lint"):  # types of one, also of one gone, reach into all
        commands += [_mypy("ci", "vlab", "checks", "lint"), _mypy("test/lab", *_tests("test/lab"))]
        for name in ("checks", "reports", "vlab", "vnic"):
            commands.append(_mypy(f"test/unit/{name}", *_tests(f"test/unit/{name}")))
    return commands


def _mypy(folder: str, *what: str) -> Command:
    """In `folder`, as those modules name each other; each with a cache of its own."""
    memory = REPOSITORY / "build/mypy" / folder
    environment = [f"MYPYPATH={REPOSITORY / 'ci'}"]
    return ["env", "-C", folder, *environment, "mypy", "--strict", f"--cache-dir={memory}", *what]


def _tests(folder: str) -> list[str]:
    return sorted(path.name for path in (REPOSITORY / folder).glob("*.py"))


def _build(scope: Scope, preset: str) -> list[Command]:
    if not scope.touches(*_CODE_PARTS) and not (preset == "ci" and _uapi(scope)):
        return []
    commands = [_module("checks.configure", preset), ["cmake", "--build", "--preset", preset]]
    if preset == "ci":  # in a folder that ci/lab builds in too
        alone = _module("checks.alone", _PROGRAMS)
        commands = [[*alone, *command] for command in commands]
    return commands


def _lint(scope: Scope) -> list[Command]:
    return [["ci/lint", _PROGRAMS, _SANITIZED]] if scope.touches(*_CODE_PARTS) else []


def _unit(scope: Scope) -> list[Command]:
    if scope.changes is None:
        return [_ctest(_SANITIZED, "unit", 2 * _CORES)]
    if not scope.touches(*_CODE_PARTS):
        return []
    return [_module("checks.affected", _SANITIZED, scope.changes.since)]


def _suite(scope: Scope) -> list[Command]:
    if not scope.touches(*_LAB_PARTS):
        return []
    return [["ci/lab", "run", "--nic", "gve", "--build", _PROGRAMS]]


def _uapi(scope: Scope) -> list[Command]:
    """A page for people, but its rows name tests."""
    if scope.touches(*_LAB_PARTS, "ci/checks/") or scope.touches_any("test/hw/UAPI.md"):
        return [_module("checks.uapi", _PROGRAMS)]
    return []


def _ctest(folder: str, label: str, jobs: int) -> Command:
    select = ["--test-dir", folder, "--label-regex", label, "--no-tests=error"]
    return ["ctest", *select, "--parallel", str(jobs), "--output-on-failure"]


def _consumers() -> Command:
    """What npm has that reads JUnit reports."""
    environment = [
        f"PROGRAM_HELPER={REPOSITORY / _SANITIZED}/test/unit/program_helper",
        f"ZCRX_NPM={REPOSITORY}/build/npm", "PYTHONDONTWRITEBYTECODE=1",
    ]  # fmt: skip
    command = _module("unittest", "-v", "npm_consumers")
    return ["env", "-C", "test/unit/reports", *environment, *command]


def _long_lab(name: str, **settings: int) -> Command:
    """A test of test/lab in its long form."""
    environment: Mapping[str, object] = {
        "ZCRX_BUILD": REPOSITORY / _PROGRAMS, "PYTHONDONTWRITEBYTECODE": 1,
        "ZCRX_LAB_LIMIT": 7200, **settings,
    }  # fmt: skip
    words = [f"{key}={value}" for key, value in environment.items()]
    return ["env", "-C", "test/lab", *words, *_module("unittest", "-v", f"{name}_test")]


def _own_kernel(command: str, name: str, *words: str) -> Command:
    """What builds a kernel first."""
    out = f"results/{name}"
    return ["ci/lab", command, *words, "--build", _PROGRAMS, "--out", out]


def _loops(part: int) -> Command:
    lab = ["ci/lab", "run", "--build", _PROGRAMS, "--out", f"results/loops-{part}"]
    repeat = f"--gtest_repeat={_LOOPS // len(_PARTS)}"
    # In turn, each test finds what the one before has set up, or the NIC as it was found.
    fresh = ["--fresh"] if part % 2 == 0 else []
    return [*lab, "--limit", "3600", "--", repeat, "--gtest_shuffle", *fresh]


def _every_fault(name: str) -> Command:
    """Too long for a step that begins anew, so each fault's result lies beside the step's own.
    Where segments are lost all the time the suite takes nine minutes, beside another lab."""
    lab = ["ci/lab", "faults", "--build", _PROGRAMS, "--out", f"results/{name}"]
    return [*lab, "--limit", "1800", "--resume", str(ledger.home() / name)]


def _long_fuzz(name: str) -> Command:
    only = ["--tests-regex", f"^{name.replace('fuzz_', 'fuzz.')}$"]
    return ["env", "ZCRX_FUZZ_RUNS=1000000", *_ctest(_SANITIZED, "fuzz", 1), *only]


def _module(name: str, *arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", name, *arguments]
