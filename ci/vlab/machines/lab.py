"""A whole lab, up and down."""

from __future__ import annotations

import os
import select
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, TimedOut
from vlab.base.process import end, spawn
from vlab.kernels.kernel import Kernel
from vlab.debian.tools import Accelerator
from vlab.machines import links, snapshot
from vlab.machines.guests import DUT, PEER, Guest, Kind, NicKind
from vlab.machines.identity import Keys, cards, settings
from vlab.machines.image import Image, suite_programs
from vlab.machines.links import Shares
from vlab.machines.machine import Hardware, Machine
from vlab.machines.nic import NicProcess
from vlab.machines.rundir import run_folder
from vlab.machines.ssh import Access

_BOOT_S = 120  # of two guests on emulated CPUs on a busy host; 7 s are usual, 25 were seen
_BREAK_S = 2  # between a guest's connections and its process
SSH_FAILED = 255
_UNPACKED = "lab"  # the share with what only this lab's guest has; /etc/lab/boot unpacks it


@dataclass(frozen=True)
class Plan:
    """All that a lab is made of."""

    nic: Kind
    kernel: Kernel
    qemu: list[str]
    accelerator: Accelerator
    virtiofsd: list[str]
    userland: Path  # unpacked packages for the guests
    build: Path  # the suite's and vnic's programs
    out: Path  # receives consoles and logs
    share: Path | None = None
    cold: bool = False  # booted, and not restored from a snapshot
    peer_nic: NicKind | None = None  # the peer's, if it is not of the same kind as the DUT's
    second: NicKind | None = None  # another NIC in both, at a cable of its own

    @property
    def results(self) -> Path:
        """/results in the DUT. Apart from the logs, so that a guest cannot put a link in the place
        of a file that is written outside."""
        return self.out / "dut"

    @property
    def cables(self) -> Sequence[Mapping[Guest, NicKind]]:
        """What is at each cable, as the guests number their NICs."""
        pairs = ((self.nic, self.peer_nic or self.nic), (self.second, self.second))
        return [
            {DUT: own, PEER: other}
            for own, other in pairs
            if isinstance(own, NicKind) and isinstance(other, NicKind)
        ]

    @property
    def guests(self) -> str:
        """For a person."""
        return "the guest" if len(self.nic.guests) == 1 else "both guests"


class Lab:
    """A lab that is up. Made by `lab()`."""

    def __init__(
        self, plan: Plan, machines: Sequence[Machine], nics: Sequence[NicProcess], access: Access
    ) -> None:
        self.plan = plan
        self._machines = machines
        self._nics = nics
        self._access = access

    def run(
        self, words: Sequence[str], deadline: Deadline | None, *, terminal: bool = False,
        **streams: Any,
    ) -> int:  # fmt: skip
        """Runs a command in the DUT; its exit status. Ends early when a part of the lab breaks.

        Without a deadline the user decides when it is enough (a shell).
        """
        ssh = spawn(self._access.command(words, terminal=terminal), **streams)
        try:
            command = _Part(ssh.pid, LabError)
            ended = _first_end([command, *self._parts()], deadline)
            if ended is None:
                assert deadline is not None
                raise TimedOut(f"timed out after {deadline.seconds:g} s: {shlex.join(words)}")
            if ended is command:
                status = ssh.wait()
                if status != SSH_FAILED:
                    return status
                # The command's own status, or the connection broke because a part just ended.
                ended = _first_end(self._parts(), Deadline(_BREAK_S))
                if ended is None:
                    return status
            raise ended.error()
        finally:
            end(ssh, Deadline(1))

    def set_fault(self, text: str) -> None:
        """Gives the DUT's first NIC a fault: "NAME" or "NAME=ARGUMENT"."""
        self._nics[0].control(f"fault {DUT.name} {text}")

    def clear_faults(self) -> dict[str, int]:
        """Makes it whole again; how often each fault bit."""
        told = self._nics[0].control(f"faults {DUT.name}")
        self._nics[0].control(f"fault {DUT.name} clear")
        pairs = (one.rpartition(" ") for one in told.split("; ") if one)
        return {text: int(bites) for text, _, bites in pairs}

    def _parts(self) -> list[_Part]:
        """What ends only when the lab is broken."""
        guests = [
            _Part(one.pid, partial(one.failure, f"the guest {one.name} ended"))
            for one in self._machines
        ]
        log = f"the NIC process ended; see {self.plan.out}"
        return [*guests, *(_Part(nic.pid, partial(LabError, log)) for nic in self._nics)]


@dataclass(frozen=True)
class _Part:
    """A process, and the error for its having ended."""

    pid: int
    error: Callable[[], LabError]


def _first_end(parts: Sequence[_Part], deadline: Deadline | None) -> _Part | None:
    """The first of `parts`, in their order, that has ended; None at the deadline.

    None of them has been waited for yet, so their numbers are still theirs.
    """
    poll = select.poll()
    found: dict[int, _Part] = {}
    with ExitStack() as stack:
        for part in parts:
            descriptor = os.pidfd_open(part.pid)
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
            found[descriptor] = part
        limit = None if deadline is None else deadline.remaining() * 1000
        ended = {descriptor for descriptor, _ in poll.poll(limit)}
    return next((part for descriptor, part in found.items() if descriptor in ended), None)


@contextmanager
def lab(plan: Plan) -> Iterator[Lab]:
    """Brings all guests up at once; everything is gone when the block is left."""
    with ExitStack() as stack:
        with progress.phase(f"{'booting' if plan.cold else 'restoring'} {plan.guests}"):
            running = _start(plan, stack)
        yield running


def prepare(plan: Plan) -> None:
    """Makes the snapshot that lab() restores, where there is none. Needs no programs."""
    if not plan.cold:
        hardware = _hardware(plan, Image(plan.userland, plan.kernel))
        snapshot.prepare(hardware.values(), partial(_save, hardware, plan), plan.guests)


def _start(plan: Plan, stack: ExitStack) -> Lab:
    folder = stack.enter_context(run_folder())
    plan.results.mkdir(exist_ok=True)
    image = Image(plan.userland, plan.kernel)
    hardware = _hardware(plan, image)
    nics = []
    for number, cable in enumerate(plan.cables):
        log = plan.out / ("vnic.log" if number == 0 else f"vnic{number}.log")
        nics.append(NicProcess(plan.build / "vnic", cable, folder, log, number))
        stack.callback(nics[-1].end)
    keys = Keys.fresh(folder, plan.nic.guests)
    programs = image.programs(suite_programs(plan.build))
    ssh_socket = folder / "ssh.sock"
    shares, machines = {}, []
    for guest in plan.nic.guests:
        shares[guest] = _shares(plan, folder, guest, stack)
        unpacked = folder / guest.name
        unpacked.mkdir()
        (unpacked / "programs.cpio").write_bytes(programs)
        (unpacked / "keys.cpio").write_bytes(keys.files(guest))
        (unpacked / "nics.cpio").write_bytes(cards(guest, len(nics)))
        shares[guest].add(_UNPACKED, unpacked)
    for nic in nics:
        nic.wait_ready()
    for guest in plan.nic.guests:
        backends = [*links.networks(folder, guest, ssh_socket), *shares[guest].backends()]
        plugged = [*(nic.device(guest) for nic in nics), *shares[guest].devices()]
        machine = Machine(
            hardware[guest], backends, folder, plan.out / f"{guest.name}-console.log",
            devices=plugged if plan.cold else [], restored=not plan.cold,
        )  # fmt: skip
        stack.callback(machine.end)
        machines.append((machine, plugged, shares[guest].names))
    if plan.cold:
        deadline = Deadline(_BOOT_S)
        for machine, _, _ in machines:
            machine.wait_parked(deadline)
    else:
        fill = partial(_save, hardware, plan)
        saved = snapshot.folder(hardware.values(), fill, plan.guests)
        deadline = Deadline(_BOOT_S)  # it may have taken a boot to make the snapshot
        snapshot.restore(saved, [machine for machine, _, _ in machines])
        for machine, plugged, _ in machines:
            machine.plug(plugged)
    for machine, _, folders in machines:
        machine.go_on(folders)
    for machine, _, _ in machines:
        machine.wait_ready(deadline)
    access = Access(ssh_socket, keys.user, keys.dut)
    return Lab(plan, [machine for machine, _, _ in machines], nics, access)


def _hardware(plan: Plan, image: Image) -> dict[Guest, Hardware]:
    return {
        guest: Hardware(
            guest, plan.qemu, plan.accelerator, plan.kernel.image,
            image.content + settings(guest), links.cards(guest), hurries=not plan.cold,
        )
        for guest in plan.nic.guests
    }  # fmt: skip


def _save(hardware: Mapping[Guest, Hardware], plan: Plan, into: Path) -> None:
    """Boots all guests, without a NIC or anything of this lab, and leaves NAME.ram of each."""
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder())
        machines = []
        for guest, own in hardware.items():
            log = plan.out / f"{guest.name}-boot.log"
            backends = links.networks(folder, guest, folder / "ssh.sock")
            machines.append(Machine(own, backends, folder, log))
            stack.callback(machines[-1].end)
        deadline = Deadline(_BOOT_S)
        for machine in machines:
            machine.wait_parked(deadline)
            machine.save(into / f"{machine.name}.ram")


def _shares(plan: Plan, folder: Path, guest: Guest, stack: ExitStack) -> Shares:
    shares = Shares(guest, plan.virtiofsd, folder, plan.out, stack)
    if guest.is_dut:
        shares.add("results", plan.results)  # what is written there outlives a guest that panics
    if plan.share is not None:
        shares.add("share", plan.share)
    return shares
