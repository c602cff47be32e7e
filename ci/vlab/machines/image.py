"""The guests' files: exactly those that they need, in memory.

The image is what every guest of a kernel boots from. What differs from lab to lab (the suite's
programs, keys) comes later, as another archive that the guest unpacks: so it is not in a snapshot.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from vlab.base import cache
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.paths import GUEST_FILES
from vlab.base.process import capture
from vlab.debian.apt import LAB_RELEASE, Apt, host_release
from vlab.debian.elf import Elf
from vlab.kernels.kernel import Kernel
from vlab.machines import cpio

_PACKAGES = (
    "openssh-server", "openssh-client", "busybox-static", "dash", "ethtool", "iproute2",
)  # fmt: skip
# sshd-session and sshd-auth are parts of sshd from OpenSSH 9.8 on.
_PROGRAMS = ("dash", "ethtool", "ip", "scp", "ss", "ssh", "sshd")
_SSHD_PARTS = ("sshd-session", "sshd-auth")
_LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu"
_SUITE = ("zcrx_tests", "zcrx_sender", "zcrx_nic")
_LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/bin",
    "usr/sbin": "bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/bin/sh": "dash",
}
# The root folder too: the kernel's own is everybody's to write, which sshd does not trust.
_FOLDERS = {
    ".": 0o755, "proc": 0o755, "sys": 0o755, "dev": 0o755, "tmp": 0o1777, "run/sshd": 0o755,
    "root/.ssh": 0o700, "var/empty": 0o700, "etc/zcrx-hwtest": 0o755,
}  # fmt: skip
# `user` is an ordinary one.
_USERS = """\
root:*:0:0:root:/root:/bin/sh
sshd:*:74:74::/run/sshd:/bin/false
user:*:1000:1000::/tmp:/bin/sh
"""
_GROUPS = "root:*:0:\nsshd:*:74:\nuser:*:1000:\n"


def userland() -> Path:
    """Packages for the guests, unpacked: of the host's own release, whose libraries they share."""
    release = host_release() or LAB_RELEASE
    return Apt(cache.folder(), release, backports=False).tree("guest", _PACKAGES)


class Image:
    """What the guests of one kernel boot from."""

    def __init__(self, tree: Path, kernel: Kernel) -> None:
        archive = cpio.Archive()
        for link, target in _LINKS.items():
            archive.link(link, target)
        for folder, mode in _FOLDERS.items():
            archive.folder(folder, mode)
        archive.character_device("dev/console", 5, 1)
        archive.file("etc/passwd", _USERS.encode())
        archive.file("etc/group", _GROUPS.encode())
        archive.file("etc/inittab", (GUEST_FILES / "inittab").read_bytes())
        archive.file("etc/lab/boot", (GUEST_FILES / "boot").read_bytes(), 0o755)
        archive.file("etc/lab/sshd_config", (GUEST_FILES / "sshd_config").read_bytes())
        self._libraries = _Libraries(tree)
        for name in _PROGRAMS:
            self._libraries.add_for(_add_elf(archive, f"usr/bin/{name}", program(tree, name)))
        for name in _SSHD_PARTS:
            path = tree / "usr/lib/openssh" / name
            if path.exists():
                self._libraries.add_for(_add_elf(archive, f"usr/lib/openssh/{name}", path))
        self._libraries.write(archive)
        _add_busybox(archive, tree)
        names = [module.name for module in kernel.modules]
        archive.file("etc/lab/modules", "".join(f"{name}\n" for name in names).encode())
        for module in kernel.modules:
            archive.file(f"usr/lib/modules/{kernel.release}/{module.name}", module.read_bytes())
        self.content = archive.finish()

    def programs(self, paths: Sequence[Path]) -> bytes:
        """`paths` as programs of the guest, with the libraries that they need beyond the image."""
        archive = cpio.Archive()
        for path in paths:
            self._libraries.add_for(_add_elf(archive, f"usr/bin/{path.name}", path))
        self._libraries.write(archive)
        return archive.finish()


def suite_programs(build_folder: Path) -> list[Path]:
    """What the build has made of the suite."""
    return [build_folder / name for name in _SUITE if (build_folder / name).exists()]


def _add_busybox(archive: cpio.Archive, tree: Path) -> None:
    """Under all the names that no real program has."""
    busybox = program(tree, "busybox")
    archive.file("usr/bin/busybox", busybox.read_bytes(), 0o755)
    for applet in capture([busybox, "--list"], Deadline(10)).split():
        if applet not in _PROGRAMS:
            archive.link(f"usr/bin/{applet}", "busybox")


def program(tree: Path, name: str) -> Path:
    """Links are passed over: absolute ones would lead out of the tree."""
    for folder in ("usr/bin", "usr/sbin", "bin", "sbin"):
        path = tree / folder / name
        if path.is_file() and not path.is_symlink():
            return path
    raise LabError(f"the packages of the guest image lack the program {name}")


def _add_elf(archive: cpio.Archive, target: str, source: Path) -> Elf:
    elf = Elf(source.read_bytes())
    archive.file(target, elf.without_sections(), 0o755)
    return elf


class _Libraries:
    """Shared libraries of programs, each written once.

    The host's come first: the suite was linked against them, and a guest has one C library.
    """

    def __init__(self, tree: Path) -> None:
        self._host = _loader_cache()
        self._tree = tree
        self._taken: set[str] = set()
        self._unwritten: dict[str, Path] = {}  # by their path in the guest

    def add_for(self, elf: Elf) -> None:
        if loader := elf.interpreter():
            self._take(f"usr{loader}", Path(loader))
        for name in elf.needed():
            path = self._host.get(name) or _first(
                self._tree / _LIBRARY_FOLDER / name, self._tree / "lib/x86_64-linux-gnu" / name
            )
            if name.startswith("ld-linux"):
                continue
            if path is None:
                raise LabError(f"the guest image lacks the library {name}")
            if self._take(f"{_LIBRARY_FOLDER}/{name}", path):
                self.add_for(Elf(path.read_bytes()))

    def write(self, archive: cpio.Archive) -> None:
        for target, path in self._unwritten.items():
            _add_elf(archive, target, path)
        self._unwritten.clear()

    def _take(self, target: str, path: Path) -> bool:
        """Whether it is new."""
        if target in self._taken:
            return False
        self._taken.add(target)
        self._unwritten[target] = path
        return True


def _loader_cache() -> dict[str, Path]:
    """ldconfig(8): which file the host's dynamic loader takes for a soname."""
    try:
        lines = capture(["/sbin/ldconfig", "-p"], Deadline(10)).splitlines()
    except (LabError, subprocess.SubprocessError):
        return {}
    found: dict[str, Path] = {}
    for line in lines:
        name, arrow, path = line.strip().partition(" => ")
        if arrow and "x86-64" in name:
            found.setdefault(name.split()[0], Path(path))
    return found


def _first(*candidates: Path) -> Path | None:
    return next((path for path in candidates if path.exists()), None)
