"""Debian's source of a kernel series, unpacked in the cache."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.deadline import Deadline
from vlab.base.process import capture
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.kernels.debian import NoSuchKernel

_EXTRACT_S = 900.0  # of 1.8 GB; 40 s are usual
_PACKAGE = "linux-source-"


def of_series(series: str) -> Path:
    """The tree of the newest point release of `series` ("7.3")."""
    apt = Apt(cache.folder(), LAB_RELEASE, backports=True)
    name = f"{_PACKAGE}{series}"
    version = apt.version(name)
    if version is None:
        there = [one.removeprefix(_PACKAGE) for one in sorted(apt.names(_PACKAGE))]
        raise NoSuchKernel(f"Debian has no source of {series}; there are {', '.join(there)}")
    key = hashlib.sha256(version.encode()).hexdigest()[:12]
    target = cache.folder() / "sources" / f"{name}-{key}"
    with cache.once(target) as partial:
        if partial is not None:
            extract(series, partial)
    return target


def extract(series: str, into: Path, members: Sequence[str] = ()) -> None:
    """All of the tree, or only `members`; `into` is an empty folder."""
    name = f"{_PACKAGE}{series}"
    raw = into / "raw"
    raw.mkdir()
    Apt(cache.folder(), LAB_RELEASE, backports=True).unpack([name], raw)
    options = ["--strip-components=1", f"--directory={into}"]
    wanted = [f"{name}/{member}" for member in members]
    with progress.phase(f"unpacking {name}"):
        tarball = raw / "usr/src" / f"{name}.tar.xz"
        capture(["tar", "--extract", "--file", tarball, *options, *wanted], Deadline(_EXTRACT_S))
    shutil.rmtree(raw)
