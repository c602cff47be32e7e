"""How many labs this machine carries."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vlab.machines.guests import DUT, PEER

_QEMU_MIB = 300  # what a QEMU takes beside its guest's memory, with emulated CPUs


def labs_at_once() -> int:
    return labs_that_fit(_free_memory_mib(), len(os.sched_getaffinity(0)))


def labs_that_fit(memory_mib: int, cores: int) -> int:
    """One a core: a lab has two guests that are seldom busy at the same time."""
    one = DUT.memory_mib + PEER.memory_mib + 2 * _QEMU_MIB
    return max(1, min(cores, memory_mib // one))


def _free_memory_mib() -> int:
    """MemAvailable (proc_meminfo(5)), less a quarter for everything else on this machine."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) // 1024 * 3 // 4 if found else 0
