"""Debian's kernels: the newest point release of a series, reduced to what a guest needs."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from vlab.base import cache
from vlab.base.errors import LabError
from vlab.debian.apt import Apt
from vlab.kernels import parts
from vlab.kernels.kernel import Kernel
from vlab.kernels.parts import Parts

_RESOLVED_AGE_S = 24 * 3600
_PACKAGE = re.compile(r"linux-(binary|image|modules)-((\d+\.\d+)\.(\d+)\+deb\d+)-(cloud-)?amd64")


class NoSuchKernel(LabError):
    """Debian has none of the series, or not any more."""


class Kernels:
    """`flavour`: "cloud" or "full", Debian's kernel for virtual machines or for any."""

    def __init__(self, apt: Apt) -> None:
        self._apt = apt

    def get(self, series: str, flavour: str, modules: Sequence[str]) -> Kernel:
        """The newest kernel of `series` ("7.3") with `modules` and all that they depend on.

        A module that the kernel does not have as a file counts as built in.
        """
        release, packages = self._newest(series, flavour)
        wanted = "+".join(modules)
        target = cache.folder() / "kernels" / f"{release}-{wanted}"
        with cache.once(target) as partial:
            if partial is not None:
                raw = partial / "raw"
                raw.mkdir()
                self._apt.unpack(packages, raw)
                parts.reduce(_parts(raw), modules, partial)
                shutil.rmtree(raw)
        return parts.kernel(release, target)

    def series(self, flavour: str) -> list[str]:
        """All series that the mirror has with their modules, oldest first."""
        found = {_series(release) for release in self._available(flavour)}
        return sorted(found, key=lambda series: [int(part) for part in series.split(".")])

    def _newest(self, series: str, flavour: str) -> tuple[str, list[str]]:
        """Asks the index once a day, so that a cached lab starts without apt."""
        memory = cache.folder() / "kernels" / f"newest-{series}-{flavour}.json"
        try:
            if time.time() - memory.stat().st_mtime < _RESOLVED_AGE_S:
                release, packages = json.loads(memory.read_text(encoding="utf-8"))
                return release, packages
        except (FileNotFoundError, ValueError):
            pass  # none, or one that is empty since the machine lost its power
        available = self._available(flavour)
        matching = [release for release in available if _series(release) == series]
        if not matching:
            raise NoSuchKernel(
                f"Debian has no {flavour} kernel {series} with its modules; "
                f"there are {', '.join(self.series(flavour))}"
            )
        newest = max(matching, key=_point)
        cache.write(memory, json.dumps([newest, available[newest]]))
        return newest, available[newest]

    def _available(self, flavour: str) -> dict[str, list[str]]:
        """uname -r of each kernel whose modules are there too, with the packages to unpack.

        Up to 6.18 linux-image holds the modules. From 6.19 on they are in linux-modules, which the
        archive drops earlier than linux-binary.
        """
        packages: dict[str, dict[str, str]] = {}
        for name in self._apt.names("linux-"):
            match = _PACKAGE.fullmatch(name)
            if match and bool(match[5]) == (flavour == "cloud"):
                release = f"{match[2]}-{match[5] or ''}amd64"
                packages.setdefault(release, {})[match[1]] = name
        available = {}
        for release, parts in packages.items():
            if "modules" in parts and "binary" in parts:
                available[release] = [parts["binary"], parts["modules"]]
            elif "image" in parts and "binary" not in parts:
                available[release] = [parts["image"]]
        return available


def _series(release: str) -> str:
    return ".".join(release.split(".")[:2])


def _point(release: str) -> int:
    return int(re.split(r"[.+]", release)[2])


def _parts(raw: Path) -> Parts:
    """Of unpacked packages."""
    images = [*raw.glob("usr/lib/modules/*/vmlinuz"), *raw.glob("boot/vmlinuz-*")]
    if not images:
        raise LabError("the kernel package has no vmlinuz")
    modules = [path for path in raw.rglob("*.ko*") if path.suffix in (".ko", ".xz")]
    return Parts(images[0], modules)
