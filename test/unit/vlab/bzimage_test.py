"""The kernel inside a vmlinuz, from images that are made here."""

import lzma
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from images import bzimage_of, elf_with

from vlab.kernels import bzimage

_ENTRY = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", 0x1000000)
_OTHER = struct.pack("<III8sI", 6, 4, 18, b"Linux\0", 0)


def _kernel(notes: bytes) -> bytes:
    return elf_with(".notes", notes)


def _zstd(data: bytes) -> bytes:
    packed = subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout
    return packed + struct.pack("<I", len(data))


def _xz(data: bytes) -> bytes:
    return lzma.compress(data) + struct.pack("<I", len(data))


class BzImage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = Path(folder.name) / "vmlinuz"
        self.target = Path(folder.name) / "vmlinux"

    def unpack(self, image: bytes) -> bool:
        self.source.write_bytes(image)
        done = bzimage.unpack(self.source, self.target)
        left = sorted(path.name for path in self.source.parent.iterdir())
        self.assertEqual(left, ["vmlinux", "vmlinuz"] if done else ["vmlinuz"])
        return done

    def test_is_unpacked_whatever_it_is_packed_with(self) -> None:
        kernel = _kernel(_OTHER + _ENTRY)
        for pack in (_zstd, _xz):
            with self.subTest(pack.__name__):
                self.assertTrue(self.unpack(bzimage_of(pack(kernel))))
                self.assertEqual(self.target.read_bytes(), kernel)
                self.target.unlink()

    def test_one_without_the_entry_stays_packed(self) -> None:
        self.assertFalse(self.unpack(bzimage_of(_zstd(_kernel(_OTHER)))))
        self.assertFalse(self.unpack(bzimage_of(_zstd(b"no ELF file"))))

    def test_what_cannot_be_unpacked_stays_packed(self) -> None:
        whole = bzimage_of(_zstd(_kernel(_ENTRY)))
        for name, image in (
            ("empty", b""),
            ("another kernel", b"kernel"),
            ("header cut off", whole[:0x210]),
            ("zstd cut off", bzimage_of(_zstd(_kernel(_ENTRY))[:-30])),
            ("xz cut off", bzimage_of(_xz(_kernel(_ENTRY))[:40])),
            ("packed in another way", bzimage_of(b"\x1f\x8b" + bytes(60))),
        ):
            with self.subTest(name):
                self.assertFalse(self.unpack(image))


if __name__ == "__main__":
    unittest.main()
