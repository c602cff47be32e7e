"""One guest: a QEMU process, its console, and what it can be restored from."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlab.base.deadline import Deadline
from vlab.base.errors import GuestFailed, LabError
from vlab.base.process import end, spawn
from vlab.debian.tools import Accelerator
from vlab.machines.guests import Guest
from vlab.machines.qmp import Qmp, QmpError

# A device as -device and device_add take it.
Device = Mapping[str, Any]

_TAIL_LINES = 15
_GRACE_S = 2
_MIGRATION_S = 60  # of a few hundred MiB at most; 1.5 s are usual to save, 0.2 s to restore
_PARKED, _READY = b"p", b"r"  # what /etc/lab/boot says on the second serial port
_COMPLAINT = re.compile(r"^lab: (.*\S)", re.MULTILINE)  # of /etc/lab/boot
PANIC = "Kernel panic"
_CRASH = re.compile(rf"kernel BUG at|BUG: |Oops: |{PANIC}")
_BY_QEMU = "by QEMU's fault"
_STALE = "Oops: int3"  # see _KERNEL_PARAMETERS
# panic=-1 with -no-reboot: a guest that panics ends its QEMU at once. So does one that oopses: what
# it was doing may have held locks that others then wait for. The kernel's tests of its own ciphers
# take a quarter of an emulated CPU's boot. no_timer_check: the kernel panics ("IO-APIC + timer
# doesn't work!") if it misses a few ticks within a fixed time, which happens to an emulated CPU on
# a busy host; KVM guests skip the check by themselves. trace_options: tracing notes no names of
# processes then, for which it would have the scheduler's code patched. Of a patched instruction TCG
# now and then keeps the breakpoint that stands there meanwhile ("Oops: int3" in __schedule()): it
# throws away what it has translated before it stores what is written, not behind.
_KERNEL_PARAMETERS = (
    "console=ttyS0 loglevel=7 oops=panic panic=-1 rdinit=/sbin/init cryptomgr.notests "
    "no_timer_check trace_options=norecord-cmd"
)
# A grace period of RCU lasts a few ticks, however fast the CPU is, and a queue restart waits for
# many one after the other: on mlx5 that was half of the suite's time.
_IN_A_HURRY = " rcupdate.rcu_expedited=1"


def panicked(trouble: str) -> bool:
    """Whether a lab broke, as `trouble` says, because a guest's kernel panicked by itself."""
    return PANIC in trouble and _BY_QEMU not in trouble


@dataclass(frozen=True)
class Hardware:
    """What a guest is made of before it has a NIC. A snapshot belongs to exactly one of these, less
    the paths in `backends`, which are of one run. `hurries`: waits for RCU no longer than it must,
    and not at the kernel's own pace."""

    guest: Guest
    qemu: Sequence[str]
    accelerator: Accelerator
    kernel: Path
    initrd: bytes
    devices: Sequence[Device]
    hurries: bool = False

    def arguments(self) -> list[str]:
        parameters = f"{_KERNEL_PARAMETERS} {self.accelerator.kernel_parameters}"
        return [
            *self.qemu, *self.accelerator.arguments, "-M", "pc,memory-backend=memory", "-nodefaults",
            "-smp", str(self.guest.cpus),
            # Shared, because the NIC process reads and writes the guest's memory.
            "-object", f"memory-backend-memfd,id=memory,size={self.guest.memory_mib}M,share=on",
            "-display", "none", "-no-reboot", "-kernel", str(self.kernel),
            "-append", parameters + _IN_A_HURRY * self.hurries,
            # A new one each time: the kernel then seeds its random numbers anew, so that guests
            # restored from one snapshot do not share them.
            "-device", "vmgenid,guid=auto",
            *(word for device in self.devices for word in ("-device", json.dumps(device))),
            "-serial", "chardev:console", "-serial", "stdio",
        ]  # fmt: skip


class Machine:
    """Starts at once: booted, or waiting for restore(). The console goes to `log`, and so does what
    QEMU itself says. `backends`: arguments for what its devices are connected to."""

    def __init__(
        self, hardware: Hardware, backends: Sequence[str], folder: Path, log: Path, *,
        devices: Sequence[Device] = (), restored: bool = False,
    ) -> None:  # fmt: skip
        self.name = hardware.guest.name
        self._log = log
        self._emulated = "kvm" not in hardware.accelerator.arguments
        self._qmp = Qmp()
        initrd = folder / f"{self.name}.cpio"
        initrd.write_bytes(b"" if restored else hardware.initrd)
        log.write_bytes(b"")
        console = str(log).replace(",", ",,")  # a comma within a value, to QEMU
        with open(log, "ab") as complaints:
            self._process = spawn(
                [
                    *hardware.arguments(), *backends, "-initrd", str(initrd),
                    *(word for device in devices for word in ("-device", json.dumps(device))),
                    *(["-S", "-incoming", "defer"] if restored else []),
                    "-chardev", f"file,id=console,path={console},append=on", *self._qmp.arguments(),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                pass_fds=[self._qmp.qemu_end.fileno()],
                start_new_session=True,  # a Ctrl-C is the lab's to handle
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_parked(self, deadline: Deadline) -> None:
        """Until the guest has booted, and waits to be told that its devices are there."""
        self._wait_for(_PARKED, deadline)
        self.greet()

    def greet(self) -> None:
        """Waits for QEMU to have started. Until then it takes no command."""
        with self._told("talk to"):
            self._qmp.greet()

    def save(self, path: Path) -> None:
        """Writes a guest that is parked to `path`; it cannot go on."""
        with self._told("save"):
            self._qmp.command("stop")
            self._begin_migration("migrate", path)
            self._finish_migration()

    def begin_restore(self, path: Path) -> None:
        """Begins to make it what save() has written to `path`."""
        with self._told("restore"):
            self._begin_migration("migrate-incoming", path)

    def finish_restore(self) -> None:
        """Waits until it is what was saved: parked, and its CPUs stand still."""
        with self._told("restore"):
            self._finish_migration()

    def plug(self, devices: Sequence[Device]) -> None:
        with self._told("plug devices into"):
            for device in devices:
                self._qmp.command("device_add", device)

    def go_on(self, folders: Sequence[str]) -> None:
        """Ends its being parked: it looks for new devices, mounts `folders`, and gets ready."""
        assert self._process.stdin is not None
        with self._told("start"):
            self._qmp.command("cont")
            # The time too: that of a guest that was restored is the one at which it was saved.
            self._process.stdin.write(f"{time.time():.0f} {' '.join(folders)}\n".encode())
            self._process.stdin.flush()

    def wait_ready(self, deadline: Deadline) -> None:
        """Until /etc/lab/boot has done its work in the guest."""
        self._wait_for(_READY, deadline)

    def failure(self, what: str, kind: type[LabError] = GuestFailed) -> LabError:
        """Returns the error `what`, with the end of the console (all of a crash) and the place of
        all of it. If QEMU is to blame, it says so and is a plain LabError."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        crash = [at for at, line in enumerate(lines) if _CRASH.search(line)]
        tail = lines[crash[0] :] if crash else lines[-_TAIL_LINES:]
        if blame := self._stale(tail[0]) if crash else self._bad_end():
            what, kind = f"{what} {_BY_QEMU}: {blame}", LabError
        return kind("\n".join([f"{what}; the end of {self._log}:", *map(str.rstrip, tail)]))

    def end(self) -> None:
        self._qmp.close()
        with self._process:  # whose pipes are closed
            end(self._process, Deadline(_GRACE_S))

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Adds to what QEMU refuses what it printed."""
        try:
            yield
        except (QmpError, OSError) as error:
            raise self.failure(
                f"cannot {what} the guest {self.name}: {error}", LabError
            ) from error

    def _stale(self, crash: str) -> str:
        found = self._emulated and _STALE in crash
        return "an emulated CPU kept the breakpoint of a patched instruction" * found

    def _bad_end(self) -> str:
        """How QEMU ended if no guest ends it so: one that powers off or panics leaves status 0."""
        # Not reaped: the lab may ask again for the process by its number.
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None or ended.si_status == 0:
            return ""
        kind = "exit status" if ended.si_code == os.CLD_EXITED else "signal"
        return f"{kind} {ended.si_status}"

    def _begin_migration(self, command: str, path: Path) -> None:
        """Into a file or out of it, in which pages of zeros are holes (QEMU's mapped-ram)."""
        wanted = [{"capability": name, "state": True} for name in ("mapped-ram", "events")]
        self._qmp.command("migrate-set-capabilities", {"capabilities": wanted})
        self._qmp.command(command, {"uri": f"file:{path}"})

    def _finish_migration(self) -> None:
        deadline = Deadline(_MIGRATION_S)
        while (status := self._qmp.event("MIGRATION", deadline)["status"]) != "completed":
            if status == "failed":
                raise QmpError("the migration failed")

    def _wait_for(self, word: bytes, deadline: Deadline) -> None:
        said = self._process.stdout
        assert said is not None
        if not select.select([said], [], [], deadline.remaining())[0]:
            raise self.failure(f"the guest {self.name} did not boot in time")
        if said.read(1) != word:
            self._wait_ended(deadline)
            raise self.failure(f"the guest {self.name} ended while it booted")
        if complaint := _COMPLAINT.search(self._log.read_text(encoding="utf-8", errors="replace")):
            raise self.failure(f"the guest {self.name} {complaint[1]}")

    def _wait_ended(self, deadline: Deadline) -> None:
        """Waits until QEMU's status can be had: what it writes to is closed before."""
        descriptor = os.pidfd_open(self.pid)
        try:
            select.select([descriptor], [], [], deadline.remaining())
        finally:
            os.close(descriptor)
