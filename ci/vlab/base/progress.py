"""What the user sees while the lab works: one line a phase, with the time it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_start = time.monotonic()


def note(text: str) -> None:
    """One line on standard error, which keeps standard output for the suite's."""
    print(f"[{time.monotonic() - _start:6.1f}s] {text}", file=sys.stderr, flush=True)


@contextmanager
def phase(name: str) -> Iterator[None]:
    begin = time.monotonic()
    note(f"{name} ...")
    yield
    note(f"{name}: {time.monotonic() - begin:.1f} s")
