"""QEMU and virtiofsd: the system's own where they are new enough, else Debian's from the cache."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture
from vlab.debian.apt import Apt

_QEMU = "qemu-system-x86_64"
_NEEDED = (10, 1)  # the first with vfio-user-pci
_LOADER = "usr/lib64/ld-linux-x86-64.so.2"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_KVM_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Tools:
    qemu: list[str]
    virtiofsd: list[str]


def get(apt: Apt) -> Tools:
    if _system_qemu_serves() and (virtiofsd := _system_virtiofsd()):
        return Tools([_QEMU], [virtiofsd])
    try:
        tree = apt.tree("qemu", ("qemu-system-x86", "virtiofsd"))
    except LabError as error:
        raise LabError(
            f"this system has no QEMU {_NEEDED[0]}.{_NEEDED[1]} or newer, and Debian's could not "
            f"be fetched: {error}"
        ) from error
    data = ["-L", str(tree / "usr/share/qemu"), "-L", str(tree / "usr/share/seabios")]
    return Tools(
        [*in_tree(tree, tree / "usr/bin" / _QEMU), *data],
        in_tree(tree, tree / "usr/libexec/virtiofsd"),
    )


def in_tree(tree: Path, program: Path) -> list[str]:
    """The tree's programs need the tree's C library, so its loader starts them."""
    return [str(tree / _LOADER), "--library-path", str(tree / _LIBRARIES), str(program)]


@dataclass(frozen=True)
class Accelerator:
    """QEMU's arguments, and what the guest's kernel has to know."""

    arguments: list[str]
    kernel_parameters: str

    def processor(self) -> str:
        """What a saved guest depends on beside QEMU: KVM's guests see the host's own processor."""
        if "kvm" not in self.arguments:
            return ""
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
        same = ("vendor_id", "cpu family", "model", "stepping", "microcode", "flags")
        return "\n".join(line for line in first if line.split("\t")[0] in same)


# A CPU that has fast string operations makes Linux copy and clear with "rep movsb" and "rep stosb",
# and TCG goes through those byte by byte: without them the kernel takes words, 4 to 9 times as fast.
# On a busy host the TSC of an emulated CPU runs at changing speeds.
_TCG = Accelerator(
    ["-accel", "tcg,thread=multi", "-cpu", "max,-erms,-fsrm,-fsrs,-fzrm"],
    "clocksource=acpi_pm tsc=unstable",
)
_KVM = Accelerator(["-accel", "kvm", "-cpu", "host"], "")


_BOOTS = "boots a kernel"


def accelerator(tools: Tools, kernel: Path, *, is_own: bool) -> Accelerator:
    """KVM only where it has booted a kernel: a /dev/kvm may be there and still not do that.

    The verdict is kept for this boot of the host; not one against KVM by a `kernel` that is the
    user's own, which may be to blame.
    """
    try:
        with open(_KVM_DEVICE, "r+b", buffering=0):
            pass
    except OSError:
        return _TCG
    boot = _BOOT_ID.read_text(encoding="ascii").strip()
    memory = cache.folder() / "kvm" / "verdict"
    verdict = memory.read_text(encoding="utf-8") if memory.exists() else ""
    if not verdict.startswith(boot):
        boots = _kvm_boots(tools, kernel)
        found = _BOOTS if boots else f"does not boot {kernel}"
        progress.note(f"KVM {found}")
        verdict = f"{boot} {found}"
        if boots or not is_own:
            cache.write(memory, verdict)
    return _KVM if verdict.endswith(_BOOTS) else _TCG


def _kvm_boots(tools: Tools, kernel: Path) -> bool:
    """Without a root file system a kernel that has started ends in a panic that names it."""
    machine = [*_KVM.arguments, "-M", "pc", "-m", "256", "-nodefaults"]
    machine += ["-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", str(kernel)]
    try:
        console = capture(
            [*tools.qemu, *machine, "-append", "console=ttyS0 panic=-1"], Deadline(8)
        )
    except LabError:
        return False
    return "Unable to mount root fs" in console


def _system_qemu_serves() -> bool:
    if shutil.which(_QEMU) is None:
        return False
    match = re.search(r"version (\d+)\.(\d+)", capture([_QEMU, "--version"], Deadline(10)))
    return match is not None and (int(match[1]), int(match[2])) >= _NEEDED


def _system_virtiofsd() -> str | None:
    return shutil.which("virtiofsd", path="/usr/libexec:/usr/lib/qemu:/usr/bin")
