"""From a command line to guests that are up, for the commands that work in one lab."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vlab.base import pool
from vlab.base.errors import UsageError
from vlab.base.nodev import NO_NIC
from vlab.base.paths import BUILD, REPOSITORY, RESULTS
from vlab.base.pool import Run
from vlab.base.slurm import Slurm
from vlab.commands import arguments
from vlab.debian import tools
from vlab.kernels import build as kernels
from vlab.kernels import own
from vlab.kernels.kernel import Kernel
from vlab.faults import catalogue
from vlab.machines.capacity import labs_at_once
from vlab.machines.guests import KINDS, NICS, Kind
from vlab.machines.lab import Lab, Plan, lab, prepare
from vlab.machines.supplies import Supplies
from vlab.results.folder import JUNIT, results_folder
from vlab.suites.build import building

_START_S = 3600.0
_MOST_AT_ONCE = 9999  # Slurm decides


def add_options(
    parser: argparse.ArgumentParser, *, nic: str | None, kernel: str | Path | None = "7.3",
    kinds: Mapping[str, Kind] = KINDS, out: Path | None = None,
) -> None:  # fmt: skip
    """The options of every lab. `nic`, `kernel`, `out`: the defaults; None for a lab with each, and
    for a folder named by it. A kernel that is a tree is built first, with its drivers, and booted
    once: no snapshot."""
    add = parser.add_argument
    tree = isinstance(kernel, Path)
    none = ", or none: one guest without a peer, for the tests that need no NIC" * (NO_NIC in kinds)
    add("--nic", choices=list(kinds), default=nic, help=f"the emulated NIC{none} ({nic or 'each'})")
    add("--kernel", metavar="KERNEL", type=arguments.kernel, default=kernel,
        help="the tree to build (this folder)" if tree else
        f"newest Debian kernel of a series, a built tree, a .deb or an image ({kernel or 'each'})")  # fmt: skip
    add_with(parser)
    parser.set_defaults(module=None, cold=tree)
    add("--out", metavar="DIR", type=Path, default=out,
        help="logs and the JUnit file; its dut/ is /results in the DUT "
        f"({out.relative_to(REPOSITORY) if out else 'results/NIC-KERNEL'})"
        + "; without --nic the folder of those folders" * (nic is None and kernel is not None)
        + "; holds such a folder for each lab" * (kernel is None))  # fmt: skip
    add("--fault", metavar="NAME[=ARGUMENT]", dest="faults", action="append", default=[],
        help="give the DUT's NIC a fault once the guests are up; may be repeated")  # fmt: skip
    if not tree:
        add("--module", metavar="FILE.ko", type=Path,
            help="a module of yours in place of the kernel's own of that name")  # fmt: skip
        add("--cold", action="store_true",
            help="boot the guests with their NIC, and do not restore them from a snapshot")  # fmt: skip
    add_build(parser)
    parser.epilog = f"{catalogue.load().help()}\n\n{parser.epilog}"


def add_with(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with", metavar="OPTION,...", dest="with_", type=arguments.build_options, default=[],
        help="build the kernel, a series or a tree, from its source with these: "
        + "; ".join(f"{name} ({finds})" for name, finds in kernels.options().items()),
    )  # fmt: skip


def add_nics(parser: argparse.ArgumentParser, kinds: Mapping[str, Kind] = KINDS) -> None:
    none = "; none: one guest, for the tests that need no NIC" * (NO_NIC in kinds)
    parser.add_argument(
        "--nics", metavar="NIC,...", type=arguments.several(arguments.one_of(kinds)),
        default=list(kinds), help=f"the emulated NICs{none} ({','.join(kinds)})",
    )  # fmt: skip


def add_options_of_several(
    parser: argparse.ArgumentParser, *, name: str, logs: str, ends: str, limit_s: float,
    kinds: Mapping[str, Kind] = KINDS,
) -> None:  # fmt: skip
    """The options of a command that runs labs with each NIC and leaves results/NAME."""
    add = parser.add_argument
    add_nics(parser, kinds)
    add("--out", metavar="DIR", type=Path, default=RESULTS / name,
        help=f"receives the page, JSON, JUnit and {logs} (results/{name})")  # fmt: skip
    add("--jobs", metavar="N", type=arguments.number,
        help="labs at once (as many as cores and memory carry, or as Slurm begins; there of each array)")  # fmt: skip
    add("--on", choices=("local", "slurm"), default="local",
        help="where labs run: this machine, or a Slurm cluster that shares DIR, the checkout and its "
        "build with it: an array with a task for each lab (%(default)s)")  # fmt: skip
    add("--start-limit", metavar="SECONDS", type=arguments.seconds, default=_START_S,
        help="with --on slurm: the longest time in which no lab runs (%(default)s)")  # fmt: skip
    add_with(parser)
    add_build(parser)
    add("--limit", metavar="SECONDS", type=arguments.seconds, default=limit_s,
        help=f"time limit of {ends} (%(default)s)")  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """Where labs run, and how many at once."""

    run: Run
    at_once: int
    local: bool

    def plan(self, labs: int) -> str:
        """For the user: "4 labs, 2 at once"."""
        place = f"{min(self.at_once, labs)} at once" if self.local else "on Slurm"
        return f"{labs} labs, {place}"


def engine(options: argparse.Namespace) -> Engine:
    """What --on and --jobs choose. Fails where there is no such cluster."""
    if options.on == "local":
        return Engine(pool.run, options.jobs or labs_at_once(), local=True)
    run = Slurm(options.out.resolve(), options.start_limit).run
    return Engine(run, options.jobs or _MOST_AT_ONCE, local=False)


def add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--build", metavar="DIR", type=arguments.folder,
        help="programs from this finished build (default: build what is in build/)",
    )  # fmt: skip


def plan(
    nic: str, kernel: Kernel, supplies: Supplies, programs: Path, out: Path, share: Path | None,
    *, cold: bool = False, peer_nic: str | None = None, second: str | None = None,
) -> Plan:
    """`programs`: the folder of a finished build. `share`: the guests' /share. `peer_nic`: where the
    peer has another than the DUT."""
    return Plan(
        nic=KINDS[nic],
        kernel=kernel,
        qemu=supplies.tools.qemu,
        accelerator=tools.accelerator(supplies.tools, kernel.image, is_own=kernel.is_own),
        virtiofsd=supplies.tools.virtiofsd,
        userland=supplies.userland,
        build=programs,
        out=out,
        share=share,
        cold=cold,
        peer_nic=None if peer_nic is None else NICS[peer_nic],
        second=None if second is None else NICS[second],
    )


@contextmanager
def booted(
    options: argparse.Namespace, share: Path | None, *, peer_nic: str | None = None,
    second: str | None = None, reports: bool = False,
) -> Iterator[Lab]:
    """Everything from the build to guests that are up. `share`: their /share. `peer_nic`: the peer's,
    in place of one like the DUT's. `second`: a NIC beside the options' own. `reports`: the lab is for
    a run that leaves a report, and an earlier one's goes, also where the guests do not come up."""
    for option, other in (("peer-nic", peer_nic), ("second-nic", second)):
        if other is not None and options.nic not in NICS:
            raise UsageError(f"--{option} {other} needs a NIC in the DUT: --nic is {options.nic}")
    refuse_unknown(options.faults)
    with ExitStack() as stack:
        programs = stack.enter_context(building(options.build))
        supplies = Supplies()
        nics = [nic for nic in (options.nic, peer_nic, second) if nic is not None]
        kernel = supplies.kernel(kernels.made(options.kernel, options.with_), *nics)
        if options.module is not None:
            kernel = own.with_module(kernel, options.module)
        name = "-".join([*nics, kernel.version, *options.with_])
        out = options.out or RESULTS / name
        stack.enter_context(results_folder(out.resolve()))
        one = plan(
            options.nic, kernel, supplies, BUILD, out.resolve(), share, cold=options.cold,
            peer_nic=peer_nic, second=second,
        )  # fmt: skip
        for stale in (one.out, one.results) if reports else ():
            (stale / JUNIT).unlink(missing_ok=True)
        prepare(one)  # while the build runs
        one = replace(one, build=programs())
        refuse_faults(options, one.build)
        running = stack.enter_context(lab(one))
        for text in options.faults:
            running.set_fault(text)
        yield running


def refuse_unknown(texts: Sequence[str]) -> None:
    """UsageError where one of `texts` is a fault of no NIC: said before anything is built."""
    faults = catalogue.load()
    for text in texts:
        faults.kind(text)


def refuse_faults(options: argparse.Namespace, programs: Path) -> None:
    """UsageError where the options' NIC cannot be given their faults."""
    if options.faults:
        faults = catalogue.load().of_build(programs)
        for text in options.faults:
            faults.setting(text, options.nic)
