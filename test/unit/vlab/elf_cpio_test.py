"""ELF as far as images need it, and the initramfs format."""

import struct
import unittest
from pathlib import Path

from vlab.debian.elf import Elf
from vlab.machines import cpio

_SHELL = Path("/bin/sh").resolve()


class ElfFile(unittest.TestCase):
    def test_a_program_names_its_loader_and_libraries(self) -> None:
        elf = Elf(_SHELL.read_bytes())
        self.assertEqual(elf.interpreter(), "/lib64/ld-linux-x86-64.so.2")
        self.assertIn("libc.so.6", elf.needed())

    def test_without_sections_the_loader_finds_the_same(self) -> None:
        whole = _SHELL.read_bytes()
        reduced = Elf(whole).without_sections()
        self.assertLess(len(reduced), len(whole))
        self.assertEqual(Elf(reduced).needed(), Elf(whole).needed())
        self.assertEqual(Elf(reduced).section(".interp"), b"")

    def test_a_section_by_name(self) -> None:
        elf = Elf(_SHELL.read_bytes())
        self.assertEqual(elf.section(".interp"), b"/lib64/ld-linux-x86-64.so.2\0")
        self.assertEqual(elf.section(".no-such-section"), b"")

    def test_what_is_not_an_elf_file(self) -> None:
        for data in (b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(58)):
            with self.assertRaises(ValueError):
                Elf(data)

    def test_a_file_cut_off(self) -> None:
        whole = _SHELL.read_bytes()
        for length in (6, 63, 100):
            with self.assertRaises(ValueError):
                Elf(whole[:length])


class Cpio(unittest.TestCase):
    def test_one_file_byte_by_byte(self) -> None:
        archive = cpio.Archive()
        archive.file("x", b"abcde", 0o600)
        header = b"070701" + b"".join(
            b"%08X" % field for field in (1, 0o100600, 0, 0, 1, 0, 5, 0, 0, 0, 0, 2, 0)
        )
        entry = header + b"x\0" + b"abcde" + bytes(3)
        self.assertEqual(len(entry) % 4, 0)
        self.assertTrue(archive.finish().startswith(entry))
        self.assertIn(b"TRAILER!!!\0", archive.finish())
        self.assertEqual(len(archive.finish()) % 4, 0)

    def test_parents_come_first_and_once(self) -> None:
        archive = cpio.Archive()
        archive.file("a/b/c", b"")
        archive.file("a/b/d", b"")
        self.assertEqual(_names(archive.finish()), ["a", "a/b", "a/b/c", "a/b/d", "TRAILER!!!"])

    def test_the_first_of_two_equal_names_counts(self) -> None:
        archive = cpio.Archive()
        archive.link("bin", "usr/bin")
        archive.folder("bin")
        self.assertEqual(_names(archive.finish()), ["bin", "TRAILER!!!"])
        self.assertIn(b"usr/bin", archive.finish())


def _names(data: bytes) -> list[str]:
    """Reads an archive back, as the kernel does."""
    names, at = [], 0
    while at < len(data):
        fields = struct.unpack_from("8s" * 13, data, at + 6)
        size, length = int(fields[6], 16), int(fields[11], 16)
        names.append(data[at + 110 : at + 110 + length - 1].decode())
        at += 110 + length
        at += -at % 4 + size
        at += -at % 4
    return names


if __name__ == "__main__":
    unittest.main()
