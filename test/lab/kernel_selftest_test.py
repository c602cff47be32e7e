"""The kernel's own suite, unmodified, on the NIC that can do all it asks for."""

import unittest

from harness import LabTest


class KernelSelftest(LabTest):
    def test_all_five_pass_on_bnxt_and_so_do_ours(self) -> None:
        done = self.lab("kernel-selftest")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("# Totals: pass:5 fail:0 xfail:0 xpass:0 skip:0 error:0", done.stdout)
        self.assertRegex(
            done.stdout, r"\n5 passed, 0 skipped, 0 failed in [\d.]+ s +5 passed, 0 skipped, 0 failed"
        )
        self.assertRegex(done.stdout, r"\n\d+\.\d times as fast\n")
        self.assertRegex(done.stdout, r"\n  transfer +[\d.]+ s +\d+ %\n")


if __name__ == "__main__":
    unittest.main()
