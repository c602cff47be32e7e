"""Which snapshot a lab is restored from, and which is not trusted."""

import os
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import LabError
from vlab.debian.tools import Accelerator
from vlab.machines import snapshot
from vlab.machines.guests import DUT, PEER
from vlab.machines.machine import Hardware

_DAY_S = 24 * 3600


class Snapshot(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.enterContext(mock.patch.dict(os.environ, XDG_CACHE_HOME=folder.name))
        self.enterContext(mock.patch("vlab.base.progress.note"))
        for name in ("qemu-system-x86_64", "vmlinux"):
            (self.folder / name).touch()
        self.dut = Hardware(
            DUT, [str(self.folder / "qemu-system-x86_64")], Accelerator(["-accel", "tcg"], ""),
            self.folder / "vmlinux", b"initrd", [{"driver": "virtio-net-pci"}],
        )  # fmt: skip
        self.made = 0

    def make(self, into: Path) -> None:
        self.made += 1
        for name in ("dut", "peer"):
            with open(into / f"{name}.ram", "wb") as file:
                file.write(b"header")
                file.seek(1 << 20)
                file.write(f"page {self.made}".encode())
                file.truncate(4 << 20)

    def of(self, dut: Hardware) -> Path:
        return snapshot.folder([dut, replace(dut, guest=PEER)], self.make, "both guests")

    def test_it_is_made_once(self) -> None:
        first = self.of(self.dut)
        self.assertEqual(self.of(self.dut), first)
        self.assertEqual(self.made, 1)
        names = sorted(path.name for path in first.iterdir())
        self.assertEqual(names, ["dut.ram", "peer.ram", "sum"])

    def test_all_that_it_depends_on_makes_another(self) -> None:
        found = {self.of(self.dut)}
        others = [
            replace(self.dut, initrd=b"other"),
            replace(self.dut, guest=replace(DUT, memory_mib=512)),
            replace(self.dut, devices=[]),
            replace(self.dut, hurries=True),
            replace(self.dut, accelerator=Accelerator(["-accel", "tcg"], "quiet")),
            replace(self.dut, accelerator=Accelerator(["-accel", "kvm"], "")),
        ]
        found.update(self.of(other) for other in others)
        for name in ("qemu-system-x86_64", "vmlinux"):
            os.utime(self.folder / name, (1, 1))
            found.add(self.of(self.dut))
        self.assertEqual(len(found), 1 + len(others) + 2)

    def test_what_is_not_as_it_was_written_is_made_anew(self) -> None:
        def cut(folder: Path) -> None:
            os.truncate(folder / "dut.ram", 2 << 20)

        def one_bit(folder: Path) -> None:
            with open(folder / "peer.ram", "r+b") as file:
                file.seek(1 << 20)
                file.write(b"q")

        def moved(folder: Path) -> None:
            content = (folder / "dut.ram").read_bytes()
            page = content[1 << 20 :][:6]
            (folder / "dut.ram").write_bytes(content.replace(page, bytes(6)))
            with open(folder / "dut.ram", "r+b") as file:
                file.seek(2 << 20)
                file.write(page)

        def gone(folder: Path) -> None:
            (folder / "peer.ram").unlink()

        def no_sum(folder: Path) -> None:
            (folder / "sum").unlink()

        def no_text(folder: Path) -> None:
            (folder / "sum").write_bytes(b"\xff{")

        for harm in (cut, one_bit, moved, gone, no_sum, no_text):
            with self.subTest(harm.__name__):
                harm(self.of(self.dut))
                made = self.made
                whole = self.of(self.dut)
                self.assertEqual(self.made, made + 1)
                self.assertIn(f"page {self.made}".encode(), (whole / "peer.ram").read_bytes())

    def test_a_hole_that_was_filled_with_zeros_is_the_same(self) -> None:
        """As when the cache is copied."""
        dut = self.of(self.dut) / "dut.ram"
        dut.write_bytes(dut.read_bytes())
        self.of(self.dut)
        self.assertEqual(self.made, 1)

    def test_none_is_left_where_the_guests_did_not_boot(self) -> None:
        with self.assertRaises(RuntimeError):
            snapshot.folder([self.dut], mock.Mock(side_effect=RuntimeError), "the guest")
        self.of(self.dut)
        self.assertEqual(self.made, 1)

    def test_one_that_cannot_be_restored_goes(self) -> None:
        for made, (call, why) in enumerate(
            [("begin_restore", "QEMU refuses migrate-incoming"), ("finish_restore", "it failed")], 2
        ):
            self.assert_not_restored(**{f"{call}.side_effect": LabError(why)})
            self.of(self.dut)
            self.assertEqual(self.made, made)

    def test_one_stays_where_qemu_does_not_start(self) -> None:
        self.assert_not_restored(**{"greet.side_effect": LabError("QEMU ended")})
        self.of(self.dut)
        self.assertEqual(self.made, 1)

    def assert_not_restored(self, **machine: Any) -> None:
        with self.assertRaises(LabError):
            snapshot.restore(self.of(self.dut), [mock.Mock(**machine)])

    def test_those_that_nobody_uses_go(self) -> None:
        old = self.of(self.dut)
        used = self.of(replace(self.dut, initrd=b"other"))
        for path, days in ((old, 8), (used, 6)):
            long_ago = path.stat().st_mtime - days * _DAY_S
            os.utime(path, (long_ago, long_ago))
        self.of(replace(self.dut, initrd=b"third"))
        self.assertFalse(old.exists())
        self.assertTrue(used.exists())


if __name__ == "__main__":
    unittest.main()
