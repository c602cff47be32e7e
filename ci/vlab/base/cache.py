"""The user's cache folder: made once, shared by labs that run at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def folder() -> Path:
    """Packages, unpacked trees, kernels. May be deleted whenever no lab runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zcrx-hwtest"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock that the kernel gives back when its holder ends, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def once(target: Path, whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path | None]:
    """Yields an empty folder to fill, which becomes `target`; None where `target` stands.

    `target` is whole or not there: what an interrupted run left behind is begun anew, and so is
    what `whole` denies.
    """
    if whole(target):  # also in a cache that is read-only to us
        yield None
        return
    with locked(target.with_name(f".{target.name}.lock")):
        if whole(target):
            yield None
            return
        partial = target.with_name(f".{target.name}.part")
        for old in (partial, target):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        partial.rename(target)
