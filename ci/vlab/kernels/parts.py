"""What a build of the kernel is made of, and reducing it to what a guest needs."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.process import capture
from vlab.debian.elf import Elf
from vlab.kernels import bzimage
from vlab.kernels.kernel import Kernel

_IMAGES = ("vmlinux", "vmlinuz")  # whichever is there, the faster first
_ORDER = "order"
SLOW = "slow"  # where that file is, the kernel is
OPTIONS = "options"  # of the kernel
_INFORMATION = ".modinfo"
_LOCAL_S = 60


@dataclass(frozen=True)
class Parts:
    """`image`: a bzImage or a vmlinux. `files`: of all modules."""

    image: Path
    files: Sequence[Path]


def reduce(parts: Parts, wanted: Iterable[str], target: Path) -> None:
    """Leaves in the folder `target` what kernel() finds there: the image, and the modules `wanted`
    with all that they depend on, uncompressed and without debug information.

    A module that is no file counts as built in.
    """
    if not bzimage.unpack(parts.image, target / _IMAGES[0]):
        if bzimage.is_elf(parts.image):
            raise UsageError(
                f"{parts.image} cannot be started: it is cut off or has no entry (CONFIG_PVH)"
            )
        shutil.copyfile(parts.image, target / _IMAGES[1])
    files = {module_name(path): path for path in parts.files}
    order: list[str] = []
    seen: set[str] = set()

    def place(name: str) -> None:
        file = f"{name}.ko"
        if name not in files or name in seen:
            return
        seen.add(name)
        content = read_module(files[name])
        for dependency in depends(content):
            place(dependency)
        order.append(file)
        write_module(content, target / file)

    for name in wanted:
        place(name)
    (target / _ORDER).write_text("\n".join(order), encoding="utf-8")


def kernel(release: str, folder: Path) -> Kernel:
    """From a folder that reduce() has filled."""
    order = (folder / _ORDER).read_text(encoding="utf-8").split()
    images = [folder / name for name in _IMAGES if (folder / name).exists()]
    modules = [folder / name for name in order]
    options = folder / OPTIONS
    return Kernel(
        release, images[0], modules, is_slow=(folder / SLOW).exists(),
        options=frozenset(options.read_text(encoding="utf-8").split() if options.exists() else ()),
    )  # fmt: skip


def module_name(path: Path) -> str:
    """As modules name each other: of "virtio-gpu.ko.xz", "virtio_gpu"."""
    return path.name.split(".")[0].replace("-", "_")


def read_module(path: Path) -> bytes:
    """Uncompressed. UsageError where it is no module."""
    try:
        content = path.read_bytes()
        if path.suffix == ".xz":
            content = lzma.decompress(content)
        elif path.suffix == ".gz":
            content = gzip.decompress(content)
        elif path.suffix == ".zst":
            content = _unzstd(path)
        Elf(content).section(_INFORMATION)
    except (OSError, lzma.LZMAError, zlib.error, EOFError, ValueError, LabError) as error:
        raise UsageError(f"{path} cannot be read as a kernel module: {error}") from error
    return content


def _unzstd(path: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "module.ko"
        capture(["zstd", "-dq", path, "-o", unpacked], Deadline(_LOCAL_S))
        return unpacked.read_bytes()


def write_module(content: bytes, target: Path) -> None:
    """Without debug information: of some drivers that is a hundred times the rest."""
    target.write_bytes(content)
    if Elf(content).section(".debug_info"):
        capture(["strip", "--strip-debug", target], Deadline(_LOCAL_S))


def depends(module: bytes) -> list[str]:
    """As modprobe(8) and depmod(8) take it."""
    return [name.replace("-", "_") for name in information(module, "depends").split(",") if name]


def information(module: bytes, key: str) -> str:
    """What modinfo(8) says of `key`; "" where there is nothing."""
    section = Elf(module).section(_INFORMATION)
    start = f"{key}=".encode()
    found = (item[len(start) :] for item in section.split(b"\0") if item.startswith(start))
    return next(found, b"").decode(errors="replace")
