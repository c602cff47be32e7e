"""A kernel of the user's own: a tree as `make` leaves it, laid out from a stock kernel."""

import shutil
import unittest

from harness import LabTest

from vlab.base.paths import REPOSITORY
from vlab.machines.supplies import Supplies

_TEST = "--gtest_filter=ZcrxReceive.DeliversEveryByteInOrder/flow_rule"


class OwnKernel(LabTest):
    def setUp(self) -> None:
        super().setUp()
        self.stock = Supplies().kernel("7.3", "gve")
        self.tree = self.folder / "linux"
        self.tree.mkdir()
        shutil.copy(self.stock.image, self.tree / "vmlinux")
        for module in self.stock.modules:
            shutil.copy(module, self.tree)
        names = "".join(f"{module.stem}.o\n" for module in self.stock.modules)
        (self.tree / "modules.order").write_text(names, encoding="utf-8")
        built_in = "".join(f"drivers/{name}.ko\n" for name in ("virtio_pci", "virtiofs"))
        (self.tree / "modules.builtin").write_text(built_in, encoding="utf-8")
        fragments = sorted((REPOSITORY / "conf/kernel").glob("*.config"))
        text = "".join(path.read_text(encoding="utf-8") for path in fragments)
        (self.tree / ".config").write_text(text, encoding="utf-8")

    def test_runs_the_suite(self) -> None:
        done = self.lab("run", "--nic", "gve", "--kernel", str(self.tree), "--cold", "--", _TEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 passed, 0 skipped, 0 failed", done.stdout)
        self.assertIn(f"kernel {self.stock.release}", done.stdout)
        self.assert_nothing_left()

    def test_says_that_it_lacks_the_driver_before_it_boots(self) -> None:
        done = self.lab("run", "--nic", "bnxt", "--kernel", str(self.tree), "--", _TEST)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn(f"{self.tree} has neither built in nor as a module: bnxt_en", done.stderr)
        self.assertFalse((self.out / "dut-console.log").exists())
        self.assert_nothing_left()

    def test_says_that_it_panics(self) -> None:
        """It does not know the parameter that tells it what to run, and finds no root either."""
        image = self.stock.image.read_bytes().replace(b"\0rdinit=\0", b"\0rdinot=\0")
        (self.tree / "vmlinux").write_bytes(image)
        done = self.lab("run", "--nic", "gve", "--kernel", str(self.tree), "--", _TEST)
        self.assertEqual(done.returncode, 5, done.stdout)
        self.assertRegex(done.stderr, r"the guest (dut|peer) ended while it booted; the end of /")
        self.assertIn("Kernel panic - not syncing: VFS: Unable to mount root fs", done.stderr)
        self.assert_nothing_left()

    def test_says_what_a_guest_could_not_load(self) -> None:
        (driver,) = self.tree.glob("gve.ko")
        broken = driver.read_bytes().replace(b"napi_complete_done", b"napi_complete_gone")
        driver.write_bytes(broken)
        done = self.lab("run", "--nic", "gve", "--module", str(driver), "--cold", "--", _TEST)
        self.assertEqual(done.returncode, 5, done.stdout)
        self.assertIn("cannot load gve.ko", done.stderr)
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
