"""What a lab is made of and Debian has: fetched where it is not in the cache."""

from __future__ import annotations

from vlab.base import cache
from vlab.debian import tools
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.debian.kernels import Kernel, Kernels
from vlab.machines import image
from vlab.machines.guests import NICS

_MODULES = ("virtio_pci", "virtio_net", "virtiofs")


class Supplies:
    def __init__(self) -> None:
        self._debian = Apt(cache.folder(), LAB_RELEASE, backports=True)
        self._kernels = Kernels(self._debian)
        self.tools = tools.get(self._debian)
        self.userland = image.userland()

    def kernel(self, series: str, nic: str) -> Kernel:
        kind = NICS[nic]
        return self._kernels.get(series, kind.flavour, (*_MODULES, kind.module))

    def series(self, nic: str) -> list[str]:
        """All kernel series that there are for `nic`, oldest first."""
        return self._kernels.series(NICS[nic].flavour)
