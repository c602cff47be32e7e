"""One guest: a QEMU process and its console."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from vlab.deadline import Deadline
from vlab.errors import LabError
from vlab.process import end, spawn

_TAIL_LINES = 15
_GRACE_S = 2
# acpi_pm: on a busy host the TSC of an emulated CPU runs at changing speeds.
# panic=-1 with -no-reboot: a guest that panics ends its QEMU at once.
_KERNEL_COMMAND = (
    "console=ttyS0 loglevel=7 clocksource=acpi_pm tsc=unstable panic=-1 rdinit=/sbin/init"
)


class Machine:
    """`arguments`: the devices. The console goes to `log`, with all that QEMU says itself."""

    def __init__(
        self, name: str, qemu: Sequence[str], vmlinuz: Path, initrd: Path, memory_mib: int,
        arguments: Sequence[str], log: Path,
    ) -> None:  # fmt: skip
        self.name = name
        self.log = log
        self._ready_line = f"lab: {name} is ready".encode()
        self._settled = threading.Event()  # ready, or ended
        self._ready = False
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._process = spawn(
            [
                *qemu, "-M", "pc,memory-backend=memory", "-smp", "2", "-nodefaults",
                # Shared, because the NIC process reads and writes the guest's memory.
                "-object", f"memory-backend-memfd,id=memory,size={memory_mib}M,share=on",
                "-display", "none", "-no-reboot", "-serial", "stdio",
                "-kernel", vmlinuz, "-initrd", initrd, "-append", _KERNEL_COMMAND, *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is the lab's to handle
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read_console, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, deadline: Deadline) -> None:
        self._settled.wait(deadline.remaining())
        if not self._ready:
            state = "ended" if self._settled.is_set() else "was not ready in time"
            raise LabError(self.describe(f"the guest {self.name} {state} while it booted"))

    def describe(self, what: str) -> str:
        """`what`, with the end of the console and the place of all of it."""
        tail = b"".join(self._tail).decode(errors="replace").replace("\r", "")
        return f"{what}; the last lines of {self.log}:\n{tail.rstrip()}"

    def end(self) -> None:
        end(self._process, Deadline(_GRACE_S))
        self._reader.join(_GRACE_S)

    def _read_console(self) -> None:
        output = self._process.stdout
        assert output is not None
        with open(self.log, "wb", buffering=0) as log:
            for line in output:
                log.write(line)
                self._tail.append(line)
                if self._ready_line in line:
                    self._ready = True
                    self._settled.set()
        self._settled.set()
