"""The user's cache folder: made once, shared by labs that run at the same time."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vlab.base import locks

# What tells apart the things that follow one another under one name: the point release of a kernel
# of Debian's, or keys that `once` is given (of a build: of its source, and its own).
_VERSION = re.compile(r"\.\d+\+deb\d+|-[0-9a-f]{12}(?=-|$)")
_KEPT = 2  # of each name: two checkouts may want different ones


def folder() -> Path:
    """Packages, unpacked trees, kernels. May be deleted whenever no lab runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).resolve() / "zcrx-hwtest"  # as make and gcov see it


@contextmanager
def held(*, alone: bool = False) -> Iterator[None]:
    """Holds the cache, together with others or `alone`. LabError where others hold it then."""
    path = folder()
    path.mkdir(parents=True, exist_ok=True)
    busy = f"a lab is running, which may use anything in {path}"
    with locks.held(path, busy, shared=not alone):
        yield


def superseded() -> list[Path]:
    """What a killed `once` or remove() left, first, as it is in the way of another remove(); what
    newer things of the same name have replaced; saved guests, which are made anew in seconds."""
    cut_off = [path for path in sorted(folder().glob("*/.*.part")) if path.is_dir()]
    made: dict[Path, list[Path]] = {}
    for path in folder().glob("*/[!.]*"):
        if path.is_dir() and _VERSION.search(path.name):
            made.setdefault(path.with_name(_VERSION.sub("", path.name)), []).append(path)
    # ctime: `once` renames what is complete. mtime is what a package said of its folder.
    replaced = [
        path
        for paths in made.values()
        for path in sorted(paths, key=lambda one: one.stat().st_ctime_ns)[:-_KEPT]
    ]
    return cut_off + sorted(folder().glob("guests/[!.]*")) + replaced


def remove(target: Path) -> None:
    """Removes what `once` has made; interrupted, it leaves nothing that looks whole."""
    with locks.locked(_lock(target)):
        target.rename(_partial(target))
        shutil.rmtree(_partial(target))


def write(path: Path, text: str) -> None:
    """Replaces `path` in one step: a reader meanwhile finds the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)


@contextmanager
def once(target: Path, whole: Callable[[Path], bool] = Path.is_dir) -> Iterator[Path | None]:
    """Yields an empty folder to fill, which becomes `target`; None where `target` stands.

    `target` is whole or not there: what an interrupted run left behind is begun anew, and so is
    what `whole` denies.
    """
    if whole(target):  # also in a cache that is read-only to us
        yield None
        return
    with locks.locked(_lock(target)):
        if whole(target):
            yield None
            return
        partial = _partial(target)
        for old in (partial, target):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        partial.rename(target)


def _lock(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")
