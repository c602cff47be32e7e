"""The hardware suite in the lab: which tests pass, which skip and why, with each NIC."""

import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness import LabTest, names_of_all_tests

# What gve's driver cannot do, and skips: all else passes.
_NOT_ON_GVE = ("/rss_context", "ZcrxLargeChunks.", "/chunks_")


class Suite(LabTest):
    def test_every_nic_on_the_newest_kernel(self) -> None:
        done = self.lab("run")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        gve, bnxt = self.folder_of("gve"), self.folder_of("bnxt")
        with self.subTest("bnxt can do everything"):
            verdicts = {name: verdict for name, (verdict, _) in _results(bnxt).items()}
            self.assertEqual(verdicts, dict.fromkeys(names_of_all_tests(), "passed"))
            console = (bnxt / "dut-console.log").read_text(errors="replace")
            self.assertNotIn("hwrm", console.lower(), "firmware commands that failed")
        with self.subTest("gve skips what its driver denies"):
            for name, (verdict, reason) in _results(gve).items():
                denied = any(part in name for part in _NOT_ON_GVE)
                self.assertEqual(verdict, "skipped" if denied else "passed", name)
                if denied:
                    self.assertIn("EOPNOTSUPP", reason, f"{name}: the driver's own answer")
            self.assertEqual(set(_results(gve)), set(names_of_all_tests()))
        for folder in (gve, bnxt):
            for log in ("dut-console.log", "peer-console.log", "vnic.log"):
                self.assertGreater((folder / log).stat().st_size, 0, f"{folder}: {log}")
        lines = done.stdout.splitlines()
        self.assertLess(lines.index(f"{gve.name}:"), lines.index(f"{bnxt.name}:"))
        skipped = sum(verdict == "skipped" for verdict, _ in _results(gve).values())
        tests = len(names_of_all_tests())
        self.assertEqual(
            lines[-3:],
            [
                f"{gve.name}: {tests - skipped} passed, {skipped} skipped, 0 failed: "
                f"{gve / 'junit.xml'}",
                f"{bnxt.name}: {tests} passed, 0 skipped, 0 failed: {bnxt / 'junit.xml'}",
                f"all: {2 * tests - skipped} passed, {skipped} skipped, 0 failed",
            ],
        )
        self.assert_nothing_left()

    def test_a_kernel_without_zcrx(self) -> None:
        done = self.lab("run", "--nic", "gve", "--kernel", "6.12")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        results = _results(self.out)
        self.assertEqual(set(results), set(names_of_all_tests()))
        for name, (verdict, reason) in results.items():
            self.assertEqual(verdict, "skipped", name)
            self.assertIn("zcrx", reason, name)

    def folder_of(self, nic: str) -> Path:
        (found,) = self.out.glob(f"{nic}-7.3.*")
        return found


def _results(folder: Path) -> dict[str, tuple[str, str]]:
    """Per test, named as GoogleTest does: (passed|skipped|failed, reason)."""
    found = {}
    for case in ElementTree.parse(folder / "junit.xml").getroot().iter("testcase"):
        verdict, reason = "passed", ""
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                verdict = "skipped" if child.tag == "skipped" else "failed"
                reason = child.get("message", "") + (child.text or "")
        suite = case.get("classname", "").rpartition(".")[2]
        found[f"{suite}.{case.get('name')}"] = (verdict, reason)
    return found


if __name__ == "__main__":
    unittest.main()
