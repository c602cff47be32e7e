"""ci/lab run without --nic: a lab for each NIC, and what they print together.

The guests boot with their NICs: all other tests of the suite plug them into restored guests.
"""

import unittest
from pathlib import Path

from harness import LabTest

from vlab.machines.guests import NICS
from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import Outcome

_EVERYWHERE = "ZcrxReceive.DeliversEveryByteInOrder/flow_rule"
_NOT_ON_GVE = "ZcrxReceive.DeliversEveryByteInOrder/rss_context"


class Run(LabTest):
    def test_a_lab_for_each_nic(self) -> None:
        done = self.lab("run", "--cold", "--", f"--gtest_filter={_EVERYWHERE}:{_NOT_ON_GVE}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        folders = {nic: self.folder_of(nic) for nic in NICS}
        for nic, folder in folders.items():
            outcomes = {case.test: case.outcome for case in junit.read(folder / JUNIT)}
            second = Outcome.SKIPPED if nic == "gve" else Outcome.PASSED
            self.assertEqual(outcomes, {_EVERYWHERE: Outcome.PASSED, _NOT_ON_GVE: second})
            said = (folder / JUNIT).read_text(encoding="utf-8")
            self.assertRegex(said, r'"goodput" value="2097152 bytes in \d+\.\d{3} s: \d+\.\d MB/s"')
        lines = done.stdout.splitlines()
        begins = [lines.index(f"{folder.name}:") for folder in folders.values()]
        self.assertEqual(begins, sorted(begins))
        gve, *others = folders.values()
        self.assertEqual(
            lines[-4:],
            [
                f"{gve.name}: 1 passed, 1 skipped, 0 failed: {gve / JUNIT}",
                *(f"{one.name}: 2 passed, 0 skipped, 0 failed: {one / JUNIT}" for one in others),
                "all: 5 passed, 1 skipped, 0 failed",
            ],
        )
        self.assert_nothing_left()

    def test_a_check_says_what_the_suite_will_find(self) -> None:
        done = self.lab("run", "--", "--check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)  # gve's alone would be 4
        for nic in NICS:
            said = {
                case.test: case.outcome for case in junit.read(self.folder_of(nic) / JUNIT)
            }
            second = Outcome.SKIPPED if nic == "gve" else Outcome.PASSED
            self.assertEqual(said["Check.test_zcrx.single"], Outcome.PASSED)
            self.assertEqual(said["Check.test_zcrx.rss"], second)
            said.pop("Check.fault-injection")  # which no stock kernel has
            self.assertEqual(Outcome.SKIPPED in said.values(), second is Outcome.SKIPPED)
        self.assert_nothing_left()

    def folder_of(self, nic: str) -> Path:
        (found,) = self.out.glob(f"{nic}-7.3.*")
        return found


if __name__ == "__main__":
    unittest.main()
