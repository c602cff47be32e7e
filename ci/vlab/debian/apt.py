"""Debian packages without root: a private apt in the cache folder.

Nothing is installed. Packages are fetched and verified by apt against the archive keyring, and
unpacked into trees. An empty dpkg status makes apt resolve the full dependency closure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from vlab.base import progress
from vlab.base.cache import once
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.locks import locked
from vlab.base.process import capture

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LAB_RELEASE = "trixie"  # QEMU and kernels come from here and its backports
MIRROR_VARIABLE = "ZCRX_DEBIAN_MIRROR"
_INDEX_AGE_S = 24 * 3600
_UPDATE_S = 180
_DOWNLOAD_S = 900
_LOCAL_S = 120


def host_release() -> str | None:
    """The Debian release of this machine ("bookworm"); None on any other system."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    if fields.get("ID", "").strip('"') != "debian":
        return None
    return fields.get("VERSION_CODENAME", "").strip('"') or None


def mirror() -> str:
    """The Debian mirror that this machine's own apt sources name, or the variable's."""
    if chosen := os.environ.get(MIRROR_VARIABLE):
        return chosen
    release = host_release()
    if release is not None:
        wanted = "$(RELEASE) $(COMPONENT) $(CREATED_BY) $(REPO_URI)"
        # With release information apt lists only what it has the lists of, which an image may lack.
        command = ["apt-get", "indextargets", "--no-release-info", "--format", wanted]
        for line in capture(command, Deadline(_LOCAL_S)).splitlines():
            match line.split():
                case [found, "main", "Packages", uri] if found in (release, "stable"):
                    return uri
    raise LabError(
        "this machine's apt sources name no Debian mirror to fetch QEMU and kernels from; "
        f"set {MIRROR_VARIABLE} to the address of one"
    )


class Apt:
    """The packages of one Debian release, with its updates and, if wanted, its backports."""

    def __init__(self, cache: Path, release: str, *, backports: bool) -> None:
        self.release = release
        self._cache = cache
        suites = [release, f"{release}-updates"]
        self._target = f"{release}-backports" if backports else release
        if backports:
            suites.append(self._target)
        self._root = cache / "apt" / self._target
        self._suites = suites

    def names(self, prefix: str) -> list[str]:
        """All package names that begin so."""
        with locked(self._root / "lock"):
            self._refresh()
            return self._run("apt-cache", "pkgnames", prefix, limit_s=_LOCAL_S).split()

    def version(self, package: str) -> str | None:
        """The newest that the mirror has; None where it has none."""
        if package not in self.names(package):
            return None
        shown = self._run("apt-cache", "show", "--no-all-versions", package, limit_s=_LOCAL_S)
        return next(
            line.split()[1] for line in shown.splitlines() if line.startswith("Version: ")
        )

    def tree(self, name: str, packages: Sequence[str]) -> Path:
        """A folder with `packages` and all that they depend on.

        Made once: a tree that exists is returned unchanged and needs no network.
        """
        key = hashlib.sha256(" ".join([self.release, *packages]).encode()).hexdigest()[:12]
        tree = self._cache / "trees" / f"{name}-{key}"
        with once(tree) as partial:
            if partial is not None:
                self.unpack(packages, partial, closure=True)
        return tree

    def unpack(self, packages: Sequence[str], into: Path, *, closure: bool = False) -> None:
        """Fetches `packages`, with all that they depend on if `closure`, and unpacks them."""
        with locked(self._root / "lock"), progress.phase(f"fetching {', '.join(packages)}"):
            self._refresh()
            for archive in self._download(packages, closure):
                capture(["dpkg-deb", "--extract", archive, into], Deadline(_LOCAL_S))
                archive.unlink()

    def _download(self, packages: Sequence[str], closure: bool) -> list[Path]:
        fetched = self._root / "fetched"
        shutil.rmtree(fetched, ignore_errors=True)
        (fetched / "partial").mkdir(parents=True)
        if closure:
            options = ["--download-only", "--yes", "--no-install-recommends"]
            options += ["--target-release", self._target, "-o", f"Dir::Cache::archives={fetched}"]
            self._run("apt-get", "install", *options, *packages, limit_s=_DOWNLOAD_S)
        else:
            self._run("apt-get", "download", *packages, limit_s=_DOWNLOAD_S, cwd=fetched)
        return sorted(fetched.glob("*.deb"))

    def _refresh(self) -> None:
        """Indexes no older than a day; older ones do when the mirror cannot be reached."""
        stamp = self._root / "updated"
        self._configure(stamp)
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _INDEX_AGE_S:
            return
        with progress.phase(f"updating the index of Debian {self.release}"):
            try:
                self._run("apt-get", "update", limit_s=_UPDATE_S)
            except LabError as error:
                if not stamp.exists():
                    raise
                day = time.strftime("%Y-%m-%d", time.localtime(stamp.stat().st_mtime))
                progress.note(f"cannot update the package index, using that of {day}: {error}")
            else:
                stamp.touch()

    def _configure(self, stamp: Path) -> None:
        """Removes `stamp` where anything changes: apt would look for the indexes of another mirror,
        or in another folder."""
        if not KEYRING.exists():
            raise LabError(f"{KEYRING} is missing: install the package debian-archive-keyring")
        uri = mirror()
        sources = [f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for suite in self._suites]
        wanted = {"status": "", "sources.list": "".join(sources), "apt.conf": self._settings()}
        files = {self._root / name: text for name, text in wanted.items()}
        if all(path.exists() and path.read_text("utf-8") == text for path, text in files.items()):
            return
        stamp.unlink(missing_ok=True)
        for folder in ("lists/partial", "archives/partial", "fetched/partial"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")

    def _settings(self) -> str:
        """Copies only the Acquire settings (proxies, timeouts) from the host's apt configuration,
        not its sources, preferences or hooks."""
        dump = capture(["apt-config", "dump"], Deadline(_LOCAL_S)).splitlines()
        own = [
            line
            for line in dump
            if line.startswith("Acquire::")
            and not line.startswith(("Acquire::Languages", "Acquire::IndexTargets"))
        ]
        settings = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": self._root / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": self._root / "lists",
            "Dir::State::status": self._root / "status",
            "Dir::Cache": self._root,
            "Dir::Cache::archives": self._root / "archives",
            "APT::Architecture": "amd64",
            "APT::Architectures::": "amd64",
            "APT::Sandbox::User": "",  # the cache may be closed to apt's own user
            "APT::Update::Error-Mode": "any",  # or an index that cannot be had is a warning
            "Acquire::Languages": "none",
            "quiet": "2",
        }
        return "\n".join([*own, *(f'{key} "{value}";' for key, value in settings.items())]) + "\n"

    def _run(self, *command: str, limit_s: float, cwd: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._root / "apt.conf"), "LC_ALL": "C"}
        return capture(command, Deadline(limit_s), env=environment, cwd=cwd)
