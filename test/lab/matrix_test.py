"""ci/lab matrix: the whole suite with each NIC and without on a kernel with zcrx, and with one and
without on a kernel that has no zcrx.

Which tests pass, but for known faults, which skip and why; and that four forms say the same, also of
a lab that hangs.
"""

import json
import re
import unittest
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any

from harness import LabTest, names_of_all_tests

from vlab.base.nodev import NO_NIC, belongs
from vlab.machines.guests import KINDS, NICS
from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import KNOWN_FAULT, Case, Outcome, tally

_OLD, _NEW = "6.12", "7.3"  # without zcrx, and with all of it
_NO_STOCK_KERNEL_HAS = {
    "ZcrxOutOfMemory": "fault-injection",
    "ZcrxNodevOutOfMemory": "fault-injection",
    "ZcrxPoolFailures": "pool-failures",
}
_LOGS = ("dut-console.log", "peer-console.log", "vnic.log")


class Matrix(LabTest):
    def matrix(self, *arguments: str) -> tuple[int, str, dict[str, Any]]:
        """Exit status, table, and the content of matrix.json."""
        done = self.lab("matrix", *arguments)
        self.assert_nothing_left()
        text = (self.out / "matrix.json").read_text(encoding="utf-8")
        return done.returncode, done.stdout, json.loads(text)

    def test_every_nic(self) -> None:
        self.passes([f"{nic}-{_NEW}" for nic in KINDS], "--kernels", _NEW)

    def test_a_kernel_without_zcrx(self) -> None:
        labs = [f"{nic}-{_OLD}" for nic in ("gve", NO_NIC)]
        self.passes(labs, "--kernels", _OLD, "--nics", f"gve,{NO_NIC}")

    def passes(self, labs: list[str], *arguments: str) -> None:
        status, table, whole = self.matrix(*arguments)
        self.assertEqual(status, 0, table)
        found = {}
        for cell in whole["cells"]:
            name = f"{cell['nic']}-{cell['kernel']}"
            found[name] = {case.test: case for case in junit.read(self.out / name / JUNIT)}
            with self.subTest(name):
                wanted = {test for test in names_of_all_tests() if belongs(test, cell["nic"])}
                self.assertEqual(set(found[name]), wanted)
                self.skips_only_what_cannot_run(self.out / name, found[name])
        self.assertEqual([name.rpartition(".")[0] for name in found], labs)
        self.all_forms_say_the_same(table, whole, found)

    def skips_only_what_cannot_run(self, folder: Path, found: dict[str, Case]) -> None:
        nic, _, kernel = folder.name.partition("-")
        old = kernel.startswith(f"{_OLD}.")
        for test, case in found.items():
            denied = {**(NICS[nic].denies if nic in NICS else {}), **_NO_STOCK_KERNEL_HAS}
            evidence = next((denied[part] for part in denied if part in test), "")
            if old:
                evidence = "zcrx" if nic in NICS else "IORING_REGISTER_"
            if case.outcome is not Outcome.KNOWN:
                self.assertEqual(
                    case.outcome, Outcome.SKIPPED if evidence else Outcome.PASSED, case
                )
            self.assertIn(evidence, case.text, test)
        for log in _LOGS if nic in NICS else _LOGS[:1]:
            self.assertGreater((folder / log).stat().st_size, 0, log)
        if nic == "bnxt" and not old:
            console = (folder / "dut-console.log").read_text(errors="replace")
            self.assertNotIn("hwrm", console.lower(), "firmware commands that failed")

    def all_forms_say_the_same(
        self, table: str, whole: dict[str, Any], found: dict[str, dict[str, Case]]
    ) -> None:
        """The table, the page, JSON and JUnit, and the reports of the suite that they came from."""
        expected = {
            f"{name}.{test}": case.outcome
            for name, cases in found.items()
            for test, case in cases.items()
        }
        of_json = {
            f"{cell['nic']}-{cell['kernel']}.{test['name']}": Outcome[test["outcome"].upper()]
            for cell in whole["cells"]
            for test in cell["tests"]
        }
        self.assertEqual(of_json, expected)
        of_junit = {}
        for case in ElementTree.parse(self.out / JUNIT).getroot().iter("testcase"):
            outcome = Outcome.PASSED
            for child in case:
                self.assertEqual(child.tag, "skipped")
                known = child.get("message", "").startswith(KNOWN_FAULT)
                outcome = Outcome.KNOWN if known else Outcome.SKIPPED
            of_junit[f"{case.get('classname')}.{case.get('name')}"] = outcome
        self.assertEqual(of_junit, expected)
        count = Counter(expected.values())
        page = (self.out / "matrix.html").read_text(encoding="utf-8")
        for form in (table, page):
            self.assertIn(f"{tally(count)} in {len(found)} lab", form)
        for mark, outcome in (
            ("pass", Outcome.PASSED),
            ("skip", Outcome.SKIPPED),
            ("known", Outcome.KNOWN),
        ):
            self.assertEqual(len(re.findall(f'<td class="{mark}', page)), count[outcome])

    def test_a_lab_that_hangs_is_shown_as_such(self) -> None:
        status, table, whole = self.matrix("--kernels", _NEW, "--nics", "gve", "--limit", "1")
        self.assertEqual(status, 1, table)
        (cell,) = whole["cells"]
        self.assertEqual(cell["trouble"], "the lab timed out after 1 s")
        self.assertEqual([test["outcome"] for test in cell["tests"]], ["no_result"])
        for form in (table, (self.out / "matrix.html").read_text(encoding="utf-8")):
            self.assertIn(cell["trouble"], form)
        (case,) = junit.read(self.out / JUNIT)
        self.assertEqual(case.outcome, Outcome.NO_RESULT)
        self.assertIn(cell["trouble"], case.text)


if __name__ == "__main__":
    unittest.main()
