"""One guest: a QEMU process and its console."""

from __future__ import annotations

import re
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import end, spawn
from vlab.debian.tools import Accelerator
from vlab.machines.guests import Guest

_TAIL_LINES = 15
_GRACE_S = 2
_CRASH = re.compile(r"kernel BUG at|BUG: |Oops: |Kernel panic")
# panic=-1 with -no-reboot: a guest that panics ends its QEMU at once. So does one that oopses: what
# it was doing may have held locks that others then wait for. The kernel's tests of its own ciphers
# take a quarter of an emulated CPU's boot. no_timer_check: the kernel panics ("IO-APIC + timer
# doesn't work!") where it has not seen a few ticks within a fixed time, which a busy host may keep
# from an emulated CPU; in KVM it does not look either.
_KERNEL_PARAMETERS = (
    "console=ttyS0 loglevel=7 oops=panic panic=-1 rdinit=/sbin/init cryptomgr.notests "
    "no_timer_check"
)


class Machine:
    """Starts at once. The console goes to `log`, and so does what QEMU itself has to say."""

    def __init__(
        self, guest: Guest, qemu: Sequence[str], accelerator: Accelerator, kernel: Path,
        initrd: Path, devices: Sequence[str], log: Path,
    ) -> None:  # fmt: skip
        self.name = guest.name
        self._log = log
        log.write_bytes(b"")
        with open(log, "ab") as complaints:
            self._process = spawn(
                [
                    *qemu, *accelerator.arguments, "-M", "pc,memory-backend=memory", "-nodefaults",
                    "-smp", str(guest.cpus),
                    # Shared, because the NIC process reads and writes the guest's memory.
                    "-object", f"memory-backend-memfd,id=memory,size={guest.memory_mib}M,share=on",
                    "-display", "none", "-no-reboot",
                    "-chardev", f"file,id=console,path={log},append=on",
                    "-serial", "chardev:console",
                    "-serial", "stdio",  # the guest says here that it is ready
                    "-kernel", kernel, "-initrd", initrd,
                    "-append", f"{_KERNEL_PARAMETERS} {accelerator.kernel_parameters}", *devices,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,  # a Ctrl-C is the lab's to handle
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, deadline: Deadline) -> None:
        """Until /etc/lab/boot has done its work in the guest."""
        ready = self._process.stdout
        assert ready is not None
        if not select.select([ready], [], [], deadline.remaining())[0]:
            raise LabError(self.describe(f"the guest {self.name} did not boot in time"))
        if not ready.read(1):
            raise LabError(self.describe(f"the guest {self.name} ended while it booted"))

    def describe(self, what: str) -> str:
        """`what`, with the end of the console (all of a crash) and the place of all of it."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        crash = [at for at, line in enumerate(lines) if _CRASH.search(line)]
        tail = lines[crash[0] :] if crash else lines[-_TAIL_LINES:]
        return "\n".join([f"{what}; the end of {self._log}:", *(line.rstrip() for line in tail)])

    def end(self) -> None:
        end(self._process, Deadline(_GRACE_S))
