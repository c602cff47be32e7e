"""Whether this machine's KVM serves: tried once for each boot of the machine."""

import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base import cache
from vlab.debian import tools
from vlab.debian.tools import Accelerator, Tools


class Kvm(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.boot_id = Path(folder.name) / "boot_id"
        self.device = Path(folder.name) / "kvm"
        self.device.touch()
        self.tried = mock.Mock(return_value=True)
        patches: list[Any] = [
            mock.patch.dict("os.environ", XDG_CACHE_HOME=folder.name),
            mock.patch.object(tools, "_BOOT_ID", self.boot_id),
            mock.patch.object(tools, "_KVM_DEVICE", self.device),
            mock.patch.object(tools, "_kvm_boots", self.tried),
            mock.patch.object(tools, "progress"),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def accelerator(self, boot: str, *, own: bool = False) -> Accelerator:
        self.boot_id.write_text(f"{boot}\n", encoding="ascii")
        return tools.accelerator(Tools([], []), Path("vmlinux"), is_own=own)

    def test_tried_once_a_boot_and_only_the_last_verdict_is_kept(self) -> None:
        for _ in range(2):
            self.assertEqual(self.accelerator("first"), tools._KVM)
        self.assertEqual(self.tried.call_count, 1)
        self.tried.return_value = False
        for _ in range(2):
            self.assertEqual(self.accelerator("second"), tools._TCG)
        self.assertEqual(self.tried.call_count, 2)
        self.assertEqual(len(list((cache.folder() / "kvm").iterdir())), 1)

    def test_a_kernel_of_the_users_own_that_does_not_boot_is_no_verdict_on_kvm(self) -> None:
        self.tried.return_value = False
        self.assertEqual(self.accelerator("first", own=True), tools._TCG)
        self.tried.return_value = True
        self.assertEqual(self.accelerator("first", own=True), tools._KVM)
        self.tried.return_value = False
        self.assertEqual(self.accelerator("first"), tools._KVM)

    def test_a_lab_that_reads_meanwhile_sees_a_whole_verdict(self) -> None:
        self.accelerator("first")
        (memory,) = (cache.folder() / "kvm").iterdir()
        with open(memory, encoding="utf-8") as reader:
            self.accelerator("second")
            self.assertTrue(reader.read().startswith("first "))

    def test_no_kvm(self) -> None:
        self.device.unlink()
        self.assertEqual(self.accelerator("first"), tools._TCG)
        self.tried.assert_not_called()


if __name__ == "__main__":
    unittest.main()
