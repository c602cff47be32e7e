"""Debian's kernels: the newest point release of a series, reduced to what a guest needs."""

from __future__ import annotations

import json
import lzma
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.base import cache
from vlab.base.errors import LabError
from vlab.debian import bzimage
from vlab.debian.apt import Apt
from vlab.debian.elf import Elf

_RESOLVED_AGE_S = 24 * 3600
_IMAGES = ("vmlinux", "vmlinuz")  # whichever is there, the faster first
_PACKAGE = re.compile(r"linux-(binary|image|modules)-((\d+\.\d+)\.(\d+)\+deb\d+)-(cloud-)?amd64")


@dataclass(frozen=True)
class Kernel:
    release: str  # as uname -r: "7.3.4+deb13-cloud-amd64"
    image: Path  # to be started
    modules: list[Path]  # in an order in which insmod succeeds

    @property
    def version(self) -> str:
        """Without Debian's part: "7.3.4"."""
        return self.release.split("+")[0]


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
                _reduce(raw, partial, modules)
                shutil.rmtree(raw)
        order = (target / "order").read_text(encoding="utf-8").split()
        images = [target / name for name in _IMAGES if (target / name).exists()]
        return Kernel(release, images[0], [target / name for name in order])

    def series(self, flavour: str) -> list[str]:
        """All series that the mirror has with their modules, oldest first."""
        found = {_series(release) for release in self._available(flavour)}
        return sorted(found, key=lambda series: [int(part) for part in series.split(".")])

    def _newest(self, series: str, flavour: str) -> tuple[str, list[str]]:
        """Asks the index once a day, so that a cached lab starts without apt."""
        memory = cache.folder() / "kernels" / f"newest-{series}-{flavour}.json"
        if memory.exists() and time.time() - memory.stat().st_mtime < _RESOLVED_AGE_S:
            release, packages = json.loads(memory.read_text(encoding="utf-8"))
            return release, packages
        available = self._available(flavour)
        matching = [release for release in available if _series(release) == series]
        if not matching:
            raise LabError(
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


def _reduce(raw: Path, target: Path, modules: Sequence[str]) -> None:
    """The kernel and the modules, uncompressed, from unpacked packages."""
    images = [*raw.glob("usr/lib/modules/*/vmlinuz"), *raw.glob("boot/vmlinuz-*")]
    if not images:
        raise LabError("the kernel package has no vmlinuz")
    if not bzimage.unpack(images[0], target / "vmlinux"):
        shutil.copyfile(images[0], target / "vmlinuz")
    files = {
        path.name.split(".")[0].replace("-", "_"): path
        for path in raw.rglob("*.ko*")
        if path.suffix in (".ko", ".xz")
    }
    order: list[str] = []

    def place(name: str) -> None:
        file = f"{name}.ko"
        if name not in files or file in order:
            return
        content = files[name].read_bytes()
        if files[name].suffix == ".xz":
            content = lzma.decompress(content)
        for dependency in _depends(content):
            place(dependency)
        order.append(file)
        (target / file).write_bytes(content)

    for module in modules:
        place(module)
    (target / "order").write_text("\n".join(order), encoding="utf-8")


def _depends(module: bytes) -> list[str]:
    """The "depends=" of .modinfo, as modprobe(8) and depmod(8) take it."""
    for item in Elf(module).section(".modinfo").split(b"\0"):
        if item.startswith(b"depends="):
            return [name.replace("-", "_") for name in item[8:].decode().split(",") if name]
    return []
