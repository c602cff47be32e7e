"""A whole lab, up and down."""

from __future__ import annotations

import os
import select
import shlex
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import end, spawn
from vlab.debian.kernels import Kernel
from vlab.debian.tools import Accelerator
from vlab.machines import cpio, image
from vlab.machines.guests import (
    DUT,
    HOST_LINK_MAC,
    HOST_LINK_V4,
    NET_CONFIG,
    NET_CONFIG_PATH,
    PEER,
    Guest,
    NicKind,
)
from vlab.machines.machine import Machine
from vlab.machines.nic import NicProcess
from vlab.machines.rundir import run_folder
from vlab.machines.ssh import Access, Key

_BOOT_S = 120  # of two guests on emulated CPUs on a busy host; 6 s are usual
_GRACE_S = 2
_BREAK_S = 2  # between a guest's connections and its process
_SSH_FAILED = 255


@dataclass(frozen=True)
class Plan:
    """All that a lab is made of."""

    nic: NicKind
    kernel: Kernel
    qemu: list[str]
    accelerator: Accelerator
    virtiofsd: list[str]
    userland: Path  # unpacked packages for the guests
    build: Path  # the suite's and vnic's programs
    out: Path  # receives consoles and logs
    share: Path | None = None

    @property
    def results(self) -> Path:
        """/results in the DUT. Apart from the logs, so that a guest cannot put a link in the place
        of a file that is written outside."""
        return self.out / "dut"


class Lab:
    """A lab that is up. Made by `lab()`."""

    def __init__(
        self, plan: Plan, machines: Sequence[Machine], nic: NicProcess, access: Access
    ) -> None:
        self.plan = plan
        self._machines = machines
        self._nic = nic
        self._access = access

    def run(
        self, words: Sequence[str], deadline: Deadline | None, *, terminal: bool = False,
        **streams: object,
    ) -> int:  # fmt: skip
        """Runs a command in the DUT; its exit status. Ends early when a part of the lab breaks.

        Without a deadline the user decides when it is enough (a shell).
        """
        ssh = spawn(self._access.command(words, terminal=terminal), **streams)
        try:
            event = _first_end([(ssh.pid, ""), *self._parts()], deadline)
            if event is None:
                raise LabError(f"took too long and was ended: {shlex.join(words)}")
            if event == "":
                status = ssh.wait()
                if status != _SSH_FAILED:
                    return status
                # The command's own status, or the connection broke because a part just ended.
                event = _first_end(self._parts(), Deadline(_BREAK_S))
                if event is None:
                    return status
            raise LabError(self._describe(event))
        finally:
            end(ssh, Deadline(1))

    def set_fault(self, text: str) -> None:
        """Gives the DUT's NIC a fault: "NAME" or "NAME=ARGUMENT"."""
        self._nic.control(f"fault {DUT.name} {text}")

    def clear_faults(self) -> dict[str, int]:
        """Makes it whole again; how often each fault bit."""
        told = self._nic.control(f"faults {DUT.name}")
        self._nic.control(f"fault {DUT.name} clear")
        pairs = (one.rpartition(" ") for one in told.split("; ") if one)
        return {text: int(bites) for text, _, bites in pairs}

    def _parts(self) -> list[tuple[int, str]]:
        """Processes that end only when the lab is broken, and the words for it."""
        guests = [(machine.pid, f"the guest {machine.name} ended") for machine in self._machines]
        return [*guests, (self._nic.pid, "the NIC process ended")]

    def _describe(self, event: str) -> str:
        for machine in self._machines:
            if machine.name in event:
                return machine.describe(event)
        return f"{event}; see {self.plan.out}"


def _first_end(processes: Sequence[tuple[int, str]], deadline: Deadline | None) -> str | None:
    """The words of the first of `processes`, in their order, that has ended; None at the deadline.

    None of them has been waited for yet, so their numbers are still theirs.
    """
    poll = select.poll()
    found: dict[int, str] = {}
    with ExitStack() as stack:
        for pid, words in processes:
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
            found[descriptor] = words
        ended = {descriptor for descriptor, _ in poll.poll(_milliseconds(deadline))}
    return next((words for descriptor, words in found.items() if descriptor in ended), None)


def _milliseconds(deadline: Deadline | None) -> float | None:
    return None if deadline is None else deadline.remaining() * 1000


@contextmanager
def lab(plan: Plan) -> Iterator[Lab]:
    """Boots both guests at once; everything is gone when the block is left."""
    with ExitStack() as stack:
        with progress.phase("booting both guests"):
            running = _start(plan, stack)
        yield running


def _start(plan: Plan, stack: ExitStack) -> Lab:
    folder = stack.enter_context(run_folder())
    plan.results.mkdir(exist_ok=True)
    common = image.build(plan.userland, plan.kernel, image.suite_programs(plan.build))
    user, dut_user = Key(folder, "user"), Key(folder, "dut-user")
    host_keys = {guest: Key(folder, f"{guest.name}-host") for guest in (DUT, PEER)}

    nic = NicProcess(plan.build / "vnic", plan.nic, folder, plan.out / "vnic.log")
    stack.callback(nic.end)
    nic.wait_ready()

    ssh_socket = folder / "ssh.sock"
    machines = []
    for guest in (DUT, PEER):
        own = cpio.Archive()
        _add_identity(own, guest, host_keys[guest], _folders(plan, guest))
        if guest is DUT:
            _add_user(own, user.public, dut_user)
            known = f"{PEER.management_v4} ".encode() + host_keys[PEER].public
            own.file("root/.ssh/known_hosts", known)
            own.file(NET_CONFIG_PATH, NET_CONFIG.encode())
        else:
            _add_user(own, dut_user.public)
        initrd = folder / f"{guest.name}.cpio"
        initrd.write_bytes(common + own.finish())
        devices = [*_management(folder, guest), *nic.device(guest)]
        if guest is DUT:
            devices += _host_access(ssh_socket)
        for name, shared in _folders(plan, guest).items():
            devices += _share(name, shared, guest, plan, folder, stack)
        machine = Machine(
            guest, plan.qemu, plan.accelerator, plan.kernel.image, initrd, devices,
            plan.out / f"{guest.name}-console.log",
        )  # fmt: skip
        stack.callback(machine.end)
        machines.append(machine)
    deadline = Deadline(_BOOT_S)
    for machine in machines:
        machine.wait_ready(deadline)
    return Lab(plan, machines, nic, Access(ssh_socket, user, host_keys[DUT]))


def _add_identity(
    archive: cpio.Archive, guest: Guest, host_key: Key, folders: Iterable[str]
) -> None:
    """What /etc/lab/boot reads, and the host key."""
    settings = {
        "NAME": guest.name,
        "MANAGEMENT_MAC": guest.management_mac,
        "MANAGEMENT_V4": guest.management_v4,
        "NIC_MAC": guest.nic_mac,
        "NIC_V4": guest.nic_v4,
        "NIC_V6": guest.nic_v6,
        "HOST_LINK_MAC": HOST_LINK_MAC if guest is DUT else "",
        "HOST_LINK_V4": HOST_LINK_V4,
        "FOLDERS": f'"{" ".join(folders)}"',
    }
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    archive.file("etc/lab/guest", text.encode())
    archive.file("etc/lab/ssh_host_ed25519_key", host_key.private, 0o600)


def _add_user(archive: cpio.Archive, authorized: bytes, own: Key | None = None) -> None:
    archive.file("etc/lab/authorized_keys", authorized)
    if own is not None:
        archive.file("root/.ssh/id_ed25519", own.private, 0o600)


def _management(folder: Path, guest: Guest) -> list[str]:
    """The link between the guests that carries the suite's SSH: faults at the cable spare it."""
    other = PEER if guest is DUT else DUT
    link = "dgram,id=management"  # datagrams: neither end has to be there first
    for end_of_link, name in (("local", guest.name), ("remote", other.name)):
        path = folder / f"{name}-link.sock"
        link += f",{end_of_link}.type=unix,{end_of_link}.path={path}"
    return ["-netdev", link, "-device", _card("management", guest.management_mac)]


def _host_access(ssh_socket: Path) -> list[str]:
    """A link of its own for the host's ssh, which comes through a UNIX socket: no port of the
    host is open, and `restrict` lets nothing out.

    It cannot share the management link: QEMU's user network answers for every address it sees.
    """
    network = "user,id=host,ipv6=off,restrict=on,net=203.0.113.0/24,host=203.0.113.2"
    forward = f"dns=203.0.113.3,hostfwd=unix:{ssh_socket}-{HOST_LINK_V4}:22"
    return ["-netdev", f"{network},{forward}", "-device", _card("host", HOST_LINK_MAC)]


def _card(network: str, mac: str) -> str:
    return f"virtio-net-pci,netdev={network},mac={mac},romfile="


def _folders(plan: Plan, guest: Guest) -> dict[str, Path]:
    """Folders of the host and where in the guest they are: "share" is /share."""
    folders = {}
    if guest is DUT:
        folders["results"] = plan.results  # what is written there outlives a guest that panics
    if plan.share is not None:
        folders["share"] = plan.share
    return folders


def _share(
    name: str, shared: Path, guest: Guest, plan: Plan, folder: Path, stack: ExitStack
) -> list[str]:
    """virtiofs: the guest's root may do with `shared` what this user may."""
    path = folder / f"{guest.name}-{name}.sock"
    log = stack.enter_context(open(plan.out / f"{guest.name}-{name}-virtiofsd.log", "wb"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        served = ["--shared-dir", str(shared), "--fd", str(listener.fileno())]
        process = spawn(
            [*plan.virtiofsd, *served, "--sandbox", "none"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip
    stack.callback(end, process, Deadline(_GRACE_S))
    return [
        "-chardev", f"socket,id={name},path={path}",
        "-device", f"vhost-user-fs-pci,chardev={name},tag={name}",
    ]  # fmt: skip
