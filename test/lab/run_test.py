"""ci/lab run without --nic: a lab for each NIC and one without, and what they print together.

The guests boot with their NICs: all other tests of the suite plug them into restored guests.
"""

import json
import unittest
from pathlib import Path

import jsonschema  # type: ignore[import]
from harness import REPOSITORY, LabTest, names_of_all_tests
from junitparser import JUnitXml  # type: ignore[import]

from vlab.base.nodev import NO_NIC, belongs
from vlab.machines.guests import KINDS, NICS
from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import Outcome

_EVERYWHERE = "ZcrxReceive.DeliversEveryByteInOrder/flow_rule"
_SCHEMA = REPOSITORY / "test/unit/reports/kcidb_schema.json"
_NOT_ON_GVE = "ZcrxReceive.DeliversEveryByteInOrder/rss_context"


class Run(LabTest):
    def test_a_lab_for_each_nic_and_one_without(self) -> None:
        without = next(test for test in names_of_all_tests() if belongs(test, NO_NIC))
        wanted = f"--gtest_filter={_EVERYWHERE}:{_NOT_ON_GVE}:{without}"
        kcidb = ["--kcidb=/results/kcidb.json", "--kcidb-build=debian:7.3", "--kcidb-origin=lab"]
        done = self.lab("run", "--cold", "--", wanted, *kcidb)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        folders = {nic: self.folder_of(nic) for nic in KINDS}
        for nic in NICS:
            folder = folders[nic]
            outcomes = {case.test: case.outcome for case in junit.read(folder / JUNIT)}
            second = Outcome.SKIPPED if nic == "gve" else Outcome.PASSED
            self.assertEqual(
                outcomes,
                {_EVERYWHERE: Outcome.PASSED, _NOT_ON_GVE: second, without: Outcome.PASSED},
            )
            said = (folder / JUNIT).read_text(encoding="utf-8")
            self.assertRegex(said, r'"goodput" value="2097152 bytes in \d+\.\d{3} s: \d+\.\d MB/s"')
        self.others_read(list(folders.values()))
        lines = done.stdout.splitlines()
        gve, bnxt, mlx5, none = folders.values()
        begins = [lines.index(f"{folder.name}:") for folder in (mlx5, bnxt, gve, none)]
        self.assertEqual(begins, sorted(begins))
        self.assertEqual(
            lines[-5:],
            [
                f"{gve.name}: 2 passed, 1 skipped, 0 failed: {gve / JUNIT}",
                *(f"{one.name}: 3 passed, 0 skipped, 0 failed: {one / JUNIT}" for one in (bnxt, mlx5)),
                f"{none.name}: 1 passed, 0 skipped, 0 failed: {none / JUNIT}",
                "all: 9 passed, 1 skipped, 0 failed",
            ],
        )
        self.assert_nothing_left()

    def others_read(self, folders: list[Path]) -> None:
        """What is not ours counts the same tests, and tells those of all NICs apart."""
        schema = jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
        names: set[tuple[str, str]] = set()
        tests = 0
        for folder in folders:
            ours = junit.read(folder / JUNIT)
            whole = JUnitXml.fromfile(str(folder / JUNIT))
            skipped = sum(case.outcome is Outcome.SKIPPED for case in ours)
            self.assertEqual((whole.tests, whole.skipped), (len(ours), skipped))
            self.assertEqual((whole.failures, whole.errors), (0, 0))
            names |= {(case.classname, case.name) for suite in whole for case in suite}
            tests += len(ours)
            document = json.loads((folder / "dut/kcidb.json").read_text(encoding="utf-8"))
            schema.validate(document)
            status = [test["status"] for test in document["tests"]]
            self.assertEqual((len(status), status.count("SKIP")), (len(ours), skipped))
            (kernel,) = {test["environment"]["misc"]["kernel"] for test in document["tests"]}
            for group in {case.classname for suite in whole for case in suite}:
                self.assertIn(f"-{kernel}.Zcrx", group)
        self.assertEqual(len(names), tests)

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
            for name in ("fault-injection", "pool-failures"):  # which no stock kernel has
                said.pop(f"Check.{name}")
            said.pop("Check.hds-threshold")  # of bnxt alone
            self.assertEqual(Outcome.SKIPPED in said.values(), second is Outcome.SKIPPED)
        self.assertEqual(list(self.out.glob(f"{NO_NIC}-*/{JUNIT}")), [], "a check is of a NIC")
        self.assert_nothing_left()

    def folder_of(self, nic: str) -> Path:
        (found,) = self.out.glob(f"{nic}-7.3.*")
        return found


if __name__ == "__main__":
    unittest.main()
