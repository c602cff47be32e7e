"""Guests that have booted once, kept in the cache: to restore one takes two seconds.

A snapshot is taken before the guest has a NIC, which cannot be saved (QEMU: vfio-user devices do
not migrate), and before it has anything of one lab: keys, programs and devices come after. It is
used only for the very hardware and files that it was taken of, and only if it is what was written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.errors import LabError
from vlab.machines.machine import Hardware, Machine

_SUM = "sum"
_UNUSED_S = 7 * 24 * 3600  # after that a snapshot goes
_CHUNK = 1 << 16


Fill = Callable[[Path], None]


def folder(machines: Iterable[Hardware], fill: Fill, guests: str) -> Path:
    """Returns the folder with NAME.ram for each guest of one lab, `guests` to a person. Calls `fill`
    with a folder to write them into where there is none that can be trusted."""
    return _made(_folder(machines), fill, _intact, guests)


def prepare(machines: Iterable[Hardware], fill: Fill, guests: str) -> None:
    """Makes the folder where there is none. Does not read one that is there: folder() does."""
    _made(_folder(machines), fill, Path.is_dir, guests)


def restore(saved: Path, machines: Sequence[Machine]) -> None:
    """Removes what cannot be restored, though it is as it was written: the next lab makes another."""
    for machine in machines:
        machine.greet()  # a QEMU that does not start says nothing against `saved`
    try:
        for machine in machines:
            machine.begin_restore(saved / f"{machine.name}.ram")
        for machine in machines:
            machine.finish_restore()
    except LabError:
        shutil.rmtree(saved, ignore_errors=True)
        progress.note(f"removed {saved}")
        raise


def _made(target: Path, fill: Fill, whole: Callable[[Path], bool], guests: str) -> Path:
    with cache.once(target, whole) as partial:
        if partial is not None:
            _drop_unused(target.parent)
            with progress.phase(f"booting {guests} once, to be restored from then on"):
                fill(partial)
            (partial / _SUM).write_text(json.dumps(_sums(partial)), encoding="ascii")
    with suppress(OSError):  # a cache that is read-only to us
        os.utime(target)
    return target


def _folder(machines: Iterable[Hardware]) -> Path:
    return cache.folder() / "guests" / _key(machines)


def _key(machines: Iterable[Hardware]) -> str:
    """Of everything that a snapshot depends on; not of the place of the cache."""
    digest = hashlib.sha256()
    for machine in machines:
        qemu = next(word for word in machine.qemu if Path(word).name.startswith("qemu-system"))
        for path in (Path(shutil.which(qemu) or qemu), machine.kernel):
            found = path.stat()
            digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
        words = "\0".join([*machine.arguments(), machine.accelerator.processor()])
        digest.update(words.replace(str(cache.folder()), "").encode())
        digest.update(machine.initrd)
    return digest.hexdigest()[:24]


def _intact(snapshot: Path) -> bool:
    if not snapshot.is_dir():
        return False
    try:
        if json.loads((snapshot / _SUM).read_text(encoding="ascii")) == _sums(snapshot):
            return True
    except PermissionError as error:
        raise LabError(
            f"{error.filename}: {error.strerror}; this cache is somebody else's, set XDG_CACHE_HOME"
        ) from error
    except (OSError, ValueError):
        pass
    progress.note(f"{snapshot} is broken, and made anew")
    return False


def _sums(snapshot: Path) -> dict[str, str]:
    paths = sorted(snapshot.glob("*.ram"))
    with ThreadPoolExecutor() as threads:
        return {path.name: found for path, found in zip(paths, threads.map(_sum, paths))}


def _sum(path: Path) -> str:
    """Of all that the file holds but zeros, and where: most of it is a hole (lseek(2))."""
    digest, zeros = hashlib.sha256(), bytes(_CHUNK)
    with open(path, "rb", buffering=0) as file:
        size, at = path.stat().st_size, 0
        digest.update(f"{size}\n".encode())
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA) // _CHUNK * _CHUNK
            except OSError:  # ENXIO: only a hole is left
                break
            chunk = os.pread(file.fileno(), _CHUNK, at)
            if chunk != zeros:
                digest.update(at.to_bytes(8))
                digest.update(chunk)
            at += _CHUNK
    return digest.hexdigest()


def _drop_unused(base: Path) -> None:
    for old in base.iterdir() if base.is_dir() else ():
        if old.is_dir() and time.time() - old.stat().st_mtime > _UNUSED_S:
            shutil.rmtree(old, ignore_errors=True)
