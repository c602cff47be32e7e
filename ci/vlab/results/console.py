"""Complaints of a guest's kernel, which no test need notice."""

from __future__ import annotations

import re
from pathlib import Path

from vlab.results import guest_file

_MOST_BYTES = 4 << 20
_LINE = re.compile(
    r"^\[ *\d+\.\d+\] ((?:WARNING: |BUG: |Oops|INFO: (?:task|rcu)|Kernel panic|NETDEV WATCHDOG)"
    r"[^\r\n]{0,300})",
    re.MULTILINE,
)
# The CPU and process concerned, in the words up to 6.x and from 7.0 on.
_CHANCE = re.compile(r"CPU: \d+ PID: \d+ |, CPU#\d+: .*")


def complaints(log: Path, since: int = 0) -> list[str]:
    """Each different one once, without time and process; none of a guest that has no console.

    `since`: the size that the console had when what is asked for began.
    """
    try:
        text = guest_file.read(log, _MOST_BYTES, since).decode(errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(_CHANCE.sub("", line).strip() for line in _LINE.findall(text)))
