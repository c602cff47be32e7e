"""What a lab is made of and Debian has: fetched where it is not in the cache."""

from __future__ import annotations

from pathlib import Path

from vlab.base import cache
from vlab.debian import tools
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.kernels import own
from vlab.kernels.debian import Kernels
from vlab.kernels.kernel import Kernel
from vlab.machines import image
from vlab.machines.guests import KINDS

_MODULES = ("virtio_pci", "virtio_net", "virtiofs")


class Supplies:
    def __init__(self) -> None:
        self._debian = Apt(cache.folder(), LAB_RELEASE, backports=True)
        self._kernels = Kernels(self._debian)
        self.tools = tools.get(self._debian)
        self.userland = image.userland()

    def kernel(self, what: str | Path, *nics: str) -> Kernel:
        """`what`: a series of Debian's, or where a kernel of the user's own is."""
        modules = self.modules(*nics)
        if isinstance(what, Path):
            return own.get(what, modules)
        flavours = {KINDS[nic].flavour for nic in nics}
        # The full one has all drivers.
        return self._kernels.get(what, "full" if len(flavours) > 1 else flavours.pop(), modules)

    def modules(self, *nics: str) -> list[str]:
        """What a guest with `nics` needs of its kernel."""
        return list(dict.fromkeys([*_MODULES, *(one for nic in nics for one in KINDS[nic].modules)]))

    def series(self, nic: str) -> list[str]:
        """All kernel series that there are for `nic`, oldest first."""
        return self._kernels.series(KINDS[nic].flavour)
