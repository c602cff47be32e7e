"""A kernel that guests can boot, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kernel:
    release: str  # as uname -r: "7.3.4+deb13-cloud-amd64"
    image: Path  # to be started
    modules: list[Path]  # in an order in which insmod succeeds
    is_slow: bool = False  # it looks at each access to memory: tests take two to three times as long
    is_own: bool = False  # the user's: whether it boots says nothing of others
    options: frozenset[str] = frozenset()  # as --with takes them, where its configuration is known

    @property
    def version(self) -> str:
        """Without Debian's part: "7.3.4"."""
        return self.release.split("+")[0]
