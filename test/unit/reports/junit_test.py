"""The JUnit report as other programs read it: their counts are ours, and a cause is a title."""

from __future__ import annotations

import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from junitparser import (  # type: ignore[import]
    Error, Failure, JUnitXml, Skipped, TestCase,
)  # fmt: skip
from sample import COUNTS, SUBJECT, SUITE, TITLES, ReportTest

from vlab.results import junit
from vlab.results.outcome import Case, Outcome


def _cases(path: Path) -> list[TestCase]:
    return [case for suite in JUnitXml.fromfile(str(path)) for case in suite]


class Junit(ReportTest):
    def assert_read(self, path: Path) -> None:
        whole = JUnitXml.fromfile(str(path))
        self.assertEqual({name: getattr(whole, name) for name in COUNTS}, COUNTS)
        cases = _cases(path)
        found = Counter(type(result) for case in cases for result in case.result)
        self.assertEqual(
            (len(cases), found[Failure], found[Error], found[Skipped]), tuple(COUNTS.values())
        )
        titles = {case.name: result.message for case in cases for result in case.result}
        self.assertEqual(titles, TITLES)

    def test_junitparser(self) -> None:
        self.assert_read(self.junit())

    def test_junitparser_reads_what_the_lab_has_amended(self) -> None:
        path = self.junit()

        def known(case: Case) -> Case:
            return Case(case.test, Outcome.FAILED, case.text) if "Says" in case.test else case

        junit.amend(path, known)
        self.assert_read(path)

    def test_xmllint(self) -> None:
        path = str(self.junit())
        for condition, count in {
            "": COUNTS["tests"],
            "[failure]": COUNTS["failures"],
            "[error]": COUNTS["errors"],
            "[skipped]": COUNTS["skipped"],
        }.items():
            command = ["xmllint", "--xpath", f"count(//testcase{condition})", path]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            self.assertEqual(int(said), count, condition)

    def test_no_two_names_are_equal_over_kernels_and_nics(self) -> None:
        """GitLab shows one list of all reports of a run, and of equal names the first."""
        names: list[tuple[str, str]] = []
        subjects = [SUBJECT, "gve-eth1-6.18.12", "bnxt_en-eth1-7.3.4"]
        for subject in subjects:
            path = self.junit("junit.xml", subject)
            names += [(case.classname, case.name) for case in _cases(path)]
        self.assertEqual(len(set(names)), len(subjects) * COUNTS["tests"])
        self.assertIn((f"{SUBJECT}.{SUITE}", "Passes"), names)

    def test_the_labs_reader_finds_the_suite_behind_it(self) -> None:
        found = {case.test: case.outcome for case in junit.read(self.junit())}
        self.assertEqual(found[f"{SUITE}.Passes"], Outcome.PASSED)
        self.assertEqual(len(found), COUNTS["tests"])

    def test_what_fails_outside_of_tests_has_names_too(self) -> None:
        twice = ("--junit=junit.xml", "--gtest_repeat=2")
        path = self.report("junit.xml", *twice, tests="BadSuite.*", ends=1)
        names = [case.get("name") for case in ElementTree.parse(path).iter("testcase")]
        self.assertEqual(len(set(names)), len(names))
        self.assertIn("SetUpOrTearDown 2", names)


if __name__ == "__main__":
    unittest.main()
