"""ci/lab run without --nic: a lab for each NIC, and what they print together.

The guests boot with their NICs: all other tests of the suite plug them into restored guests.
"""

import unittest
from pathlib import Path

from harness import LabTest

from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import Outcome

_EVERYWHERE = "ZcrxReceive.DeliversEveryByteInOrder/flow_rule"
_NOT_ON_GVE = "ZcrxReceive.DeliversEveryByteInOrder/rss_context"


class Run(LabTest):
    def test_a_lab_for_each_nic(self) -> None:
        done = self.lab("run", "--cold", "--", f"--gtest_filter={_EVERYWHERE}:{_NOT_ON_GVE}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        gve, bnxt = self.folder_of("gve"), self.folder_of("bnxt")
        for folder, second in ((gve, Outcome.SKIPPED), (bnxt, Outcome.PASSED)):
            outcomes = {case.test: case.outcome for case in junit.read(folder / JUNIT)}
            self.assertEqual(outcomes, {_EVERYWHERE: Outcome.PASSED, _NOT_ON_GVE: second})
        lines = done.stdout.splitlines()
        self.assertLess(lines.index(f"{gve.name}:"), lines.index(f"{bnxt.name}:"))
        self.assertEqual(
            lines[-3:],
            [
                f"{gve.name}: 1 passed, 1 skipped, 0 failed: {gve / JUNIT}",
                f"{bnxt.name}: 2 passed, 0 skipped, 0 failed: {bnxt / JUNIT}",
                "all: 3 passed, 1 skipped, 0 failed",
            ],
        )
        self.assert_nothing_left()

    def test_a_check_says_what_the_suite_will_find(self) -> None:
        done = self.lab("run", "--", "--check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)  # gve's alone would be 4
        for nic, second in (("gve", Outcome.SKIPPED), ("bnxt", Outcome.PASSED)):
            said = {
                case.test: case.outcome for case in junit.read(self.folder_of(nic) / JUNIT)
            }
            self.assertEqual(said["Check.test_zcrx.single"], Outcome.PASSED)
            self.assertEqual(said["Check.test_zcrx.rss"], second)
            self.assertEqual(Outcome.SKIPPED in said.values(), second is Outcome.SKIPPED)
        self.assert_nothing_left()

    def folder_of(self, nic: str) -> Path:
        (found,) = self.out.glob(f"{nic}-7.3.*")
        return found


if __name__ == "__main__":
    unittest.main()
