"""Locks that the kernel gives back when their holder ends, however that ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlab.base import progress
from vlab.base.errors import LabError


@contextmanager
def locked(path: Path, busy: str = "") -> Iterator[int]:
    """Holds the file `path`, and waits for it as long as that takes; says `busy` if it has to. Yields
    its descriptor: a child that inherits it holds the lock as well, and so do its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy:
                progress.note(busy)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextmanager
def held(folder: Path, busy: str, *, shared: bool = False) -> Iterator[None]:
    """Holds `folder`, alone or together with others that share it. Fails with the sentence `busy`
    where others hold it; who shares waits for them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(busy) from None
        yield
    finally:
        os.close(descriptor)
