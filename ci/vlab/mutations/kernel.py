"""The kernel with one mutation at a time, in a build of its own.

make O= looks for a source file in the build's folder before it looks in the tree (VPATH). So that is
where the changed file is put: the tree is only read, and one file is compiled anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vlab.kernels import build, own
from vlab.kernels.build import Build
from vlab.kernels.kernel import Kernel
from vlab.mutations.catalogue import Mutation

_PURPOSE = "mutations"
_WITH = ["faultinjection"]  # for the tests of what a kernel without memory leaves


class MutableKernel:
    """`scratch`: for the kernel that is in use."""

    def __init__(self, base: Build, scratch: Path) -> None:
        self._base = base
        self._kernel = scratch / "kernel"

    def make(self, mutation: Mutation | None, modules: Sequence[str]) -> Kernel:
        """With `mutation`, or as it is. The kernel made before is gone then."""
        self.restore()
        if mutation is not None:
            place = self._base.out / mutation.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(mutation.applied(self._base.tree), encoding="utf-8")
        self._base.make(mutation.name if mutation else "")
        shutil.rmtree(self._kernel, ignore_errors=True)
        self._kernel.mkdir()
        return own.unpacked(self._base.out, modules, self._kernel)

    def restore(self) -> None:
        """Takes away whatever hides a source, also of a run that was killed, with other mutations.

        make compiles what had been changed again: from another path is another command.
        """
        for place in self._base.out.rglob("*.c"):
            if (self._base.tree / place.relative_to(self._base.out)).is_file():
                place.unlink()


@contextmanager
def mutable(tree: Path, scratch: Path) -> Iterator[MutableKernel]:
    with build.configured(tree, _WITH, purpose=_PURPOSE) as base:
        kernel = MutableKernel(base, scratch)
        try:
            yield kernel
        finally:
            kernel.restore()
