"""ci/lab matrix: four forms that say the same, also of a lab that hangs."""

import json
import re
import unittest
import xml.etree.ElementTree as ElementTree
from typing import Any

from harness import LabTest

_KERNELS = "6.12,7.3"  # without zcrx, and with all of it


class Matrix(LabTest):
    def matrix(self, *arguments: str) -> tuple[int, str, dict[str, Any]]:
        """Exit status, table, and the content of matrix.json."""
        done = self.lab("matrix", *arguments)
        self.assert_nothing_left()
        text = (self.out / "matrix.json").read_text(encoding="utf-8")
        return done.returncode, done.stdout, json.loads(text)

    def test_all_forms_say_the_same(self) -> None:
        status, table, whole = self.matrix("--kernels", _KERNELS)
        self.assertEqual(status, 0, table)
        labs = 2 * len(_KERNELS.split(","))
        self.assertEqual(len(whole["cells"]), labs)
        count = {"passed": 0, "skipped": 0}
        junit = ElementTree.parse(self.out / "junit.xml").getroot()
        cases = {
            f"{case.get('classname')}.{case.get('name')}": case for case in junit.iter("testcase")
        }
        for cell in whole["cells"]:
            for test in cell["tests"]:
                if cell["kernel"].startswith("6.12"):
                    self.assertEqual(test["outcome"], "skipped")
                    self.assertIn("zcrx", test["reason"])
                count[test["outcome"]] += 1
                case = cases.pop(f"{cell['nic']}-{cell['kernel']}.{test['name']}")
                self.assertEqual(len(case.findall("skipped")), test["outcome"] == "skipped")
                self.assertEqual(case.findall("failure") + case.findall("error"), [])
        self.assertEqual(cases, {}, "in JUnit only")
        said = f"{count['passed']} passed, {count['skipped']} skipped, 0 failed in {labs} labs"
        self.assertIn(said, table)
        page = (self.out / "matrix.html").read_text(encoding="utf-8")
        self.assertIn(said, page)
        for mark, outcome in (("pass", "passed"), ("skip", "skipped")):
            self.assertEqual(len(re.findall(f'<td class="{mark}', page)), count[outcome])

    def test_a_lab_that_hangs_is_shown_as_such(self) -> None:
        status, table, whole = self.matrix("--kernels", "7.3", "--nics", "gve", "--limit", "1")
        self.assertEqual(status, 1, table)
        (cell,) = whole["cells"]
        self.assertEqual(cell["trouble"], "the lab timed out after 1 s")
        self.assertEqual([test["outcome"] for test in cell["tests"]], ["no_result"])
        for form in (table, (self.out / "matrix.html").read_text(encoding="utf-8")):
            self.assertIn(cell["trouble"], form)
        (error,) = ElementTree.parse(self.out / "junit.xml").getroot().iter("error")
        self.assertIn(cell["trouble"], error.get("message", ""))


if __name__ == "__main__":
    unittest.main()
