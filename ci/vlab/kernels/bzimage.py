"""The kernel proper: a vmlinux, or what is inside a vmlinuz.

A guest starts an unpacked kernel by PVH: neither it nor its firmware unpacks anything, which on
emulated CPUs takes as long as the rest of the boot. It is the same kernel, byte for byte.

Format: Documentation/arch/x86/boot.rst of the kernel; PVH: Documentation/arch/x86/xen-pvh and
include/xen/interface/elfnote.h.
"""

from __future__ import annotations

import lzma
import mmap
import os
import re
import struct
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.process import capture
from vlab.debian.elf import Elf

_MAGIC_AT, _MAGIC = 0x202, b"HdrS"
_SETUP_SECTORS_AT = 0x1F1
_PAYLOAD_AT = struct.Struct("<II")  # payload_offset, payload_length
_PAYLOAD_FIELDS_AT = 0x248
_SECTOR = 512
_ELF = b"\x7fELF"
_ELF_MACHINE, _ELF_MACHINE_AT, _X86_64 = struct.Struct("<H"), 18, 62
_BANNER = re.compile(rb"Linux version ([\w.+~-]{1,100}) \(")
_RELEASE = re.compile(rb"([\w.+~-]{1,100}) ")
_RELEASE_AT = 0x20E  # kernel_version: where its text is, less 0x200
_SIZE_BYTES = 4  # the unpacked size follows the packed data
_ZSTD, _XZ = b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"
_NOTE = struct.Struct("<III")  # namesz, descsz, type
_PHYS32_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY: where PVH enters
_UNPACK_S = 60


def unpack(vmlinuz: Path, target: Path) -> bool:
    """Writes the kernel proper to `target`; False, and no file, if it cannot be started so: it
    is packed in another way, has no entry for PVH, or there is no zstd to unpack it."""
    part = target.with_name(f"{target.name}.zst")
    try:
        packed = b"" if is_elf(vmlinuz) else _payload(vmlinuz.read_bytes())
        if is_elf(vmlinuz):
            capture(["strip", "-o", target, vmlinuz], Deadline(_UNPACK_S))
        elif packed.startswith(_ZSTD):
            part.write_bytes(packed[:-_SIZE_BYTES])
            capture(["zstd", "-dq", part, "-o", target], Deadline(_UNPACK_S))
        elif packed.startswith(_XZ):
            target.write_bytes(lzma.LZMADecompressor().decompress(packed))
        else:
            return False
        if _has_entry(Elf(target.read_bytes())):
            return True
    except (LabError, lzma.LZMAError, ValueError):
        pass
    finally:
        part.unlink(missing_ok=True)
    target.unlink(missing_ok=True)
    return False


def is_elf(image: Path) -> bool:
    with open(image, "rb") as file:
        return file.read(len(_ELF)) == _ELF


def release(image: Path) -> str:
    """As uname -r. UsageError where it is not a kernel for x86-64, or is cut off."""
    with open(image, "rb") as file:
        head = file.read(1 << 16)
        whole_head = len(head) >= _PAYLOAD_FIELDS_AT + _PAYLOAD_AT.size
        if whole_head and head.startswith(_ELF):
            (machine,) = _ELF_MACHINE.unpack_from(head, _ELF_MACHINE_AT)
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as whole:
                banner = _BANNER.search(whole) if machine == _X86_64 else None
                found = banner[1] if banner else None
        elif whole_head and head[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC:
            (offset,) = struct.unpack_from("<H", head, _RELEASE_AT)
            text = _RELEASE.match(head, offset + _MAGIC_AT - 2)
            found = text[1] if text else None
            if sum(_payload_place(head)) > os.fstat(file.fileno()).st_size:
                raise UsageError(f"{image} is cut off")
        else:
            raise UsageError(
                f"{image} is neither a bzImage, nor a vmlinux, nor a .deb, nor a folder"
            )
    if found is None:
        raise UsageError(f"{image} is not a kernel for x86-64")
    return found.decode()


def _payload_place(image: bytes) -> tuple[int, int]:
    """Where it begins, and its bytes."""
    offset, length = _PAYLOAD_AT.unpack_from(image, _PAYLOAD_FIELDS_AT)
    return (image[_SETUP_SECTORS_AT] + 1) * _SECTOR + offset, length


def _payload(image: bytes) -> bytes:
    """Empty if `image` is not a bzImage."""
    if image[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
        return b""
    if len(image) < _PAYLOAD_FIELDS_AT + _PAYLOAD_AT.size:
        return b""
    begin, length = _payload_place(image)
    return image[begin : begin + length]


def _has_entry(kernel: Elf) -> bool:
    notes = kernel.section(".notes")
    at = 0
    while at + _NOTE.size <= len(notes):
        name_size, size, kind = _NOTE.unpack_from(notes, at)
        name = notes[at + _NOTE.size :][:name_size]
        if name == b"Xen\0" and kind == _PHYS32_ENTRY:
            return True
        at += _NOTE.size + _padded(name_size) + _padded(size)
    return False


def _padded(size: int) -> int:
    return (size + 3) & ~3
