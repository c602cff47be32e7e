"""`ci/lab clean`: what the cache holds and no lab needs any more."""

from __future__ import annotations

import argparse
from pathlib import Path

from vlab.base import cache


def add_options(parser: argparse.ArgumentParser) -> None:
    """Takes none."""


def act(options: argparse.Namespace) -> int:
    """Precondition: no lab uses the cache."""
    freed = 0
    for path in cache.superseded():
        size = _mib(path)
        cache.remove(path)
        print(f"removed {path} ({size} MiB)", flush=True)
        freed += size
    print(f"{cache.folder()}: {freed} MiB freed", flush=True)
    return 0


def _mib(path: Path) -> int:
    """On the disk, as du(1) counts it."""
    return sum(one.lstat().st_blocks for one in path.rglob("*")) * 512 >> 20
