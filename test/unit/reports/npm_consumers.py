"""The JUnit report as xunit-viewer and junit-to-ctrf read it.

Not among the tests of every run, as it fetches their packages, with npm as this machine has it set
up: those of package-lock.json, which names versions and digests and no registry.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from sample import COUNTS, SUBJECT, SUITE, TITLES, ReportTest

_HERE = Path(__file__).parent
_FOLDER = Path(os.environ["ZCRX_NPM"]).absolute()
_PROGRAMS = _FOLDER / "node_modules/.bin"
_PASSED = COUNTS["tests"] - COUNTS["failures"] - COUNTS["errors"] - COUNTS["skipped"]
_OTHER = "bnxt_en-eth1-6.18.12"


class NpmConsumers(ReportTest):
    @classmethod
    def setUpClass(cls) -> None:
        if shutil.which("npm") is None:
            raise FileNotFoundError("npm is missing: apt-get install npm")
        _FOLDER.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, _FOLDER)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
        subprocess.run(["npm", "ci", *quiet], cwd=_FOLDER, check=True, timeout=600)

    def said(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [_PROGRAMS / program, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_xunit_viewer(self) -> None:
        self.junit()
        text = self.said("xunit-viewer", "-r", "junit.xml", "--console", "-C", "--no-color")
        told = re.findall(r"(\d+) (skipped|passed|failure|error)", text)
        counts = {kind: int(number) for number, kind in told}
        self.assertEqual(
            counts,
            {
                "passed": _PASSED,
                "failure": COUNTS["failures"],
                "error": COUNTS["errors"],
                "skipped": COUNTS["skipped"],
            },
        )
        for title in TITLES.values():
            self.assertIn(title, text)

    def test_junit_to_ctrf(self) -> None:
        """It counts errors as failures, and keeps no reason of a skip."""
        self.junit("a.xml")
        self.junit("b.xml", _OTHER)
        self.said("junit-to-ctrf", "*.xml", "-o", "ctrf.json")
        results = json.loads((self.folder / "ctrf.json").read_text(encoding="utf-8"))["results"]
        summary = results["summary"]
        self.assertEqual(
            {name: summary[name] for name in ("tests", "passed", "failed", "skipped")},
            {
                "tests": 2 * COUNTS["tests"],
                "passed": 2 * _PASSED,
                "failed": 2 * (COUNTS["failures"] + COUNTS["errors"]),
                "skipped": 2 * COUNTS["skipped"],
            },
        )
        told = {test["name"]: test.get("message") for test in results["tests"]}
        self.assertEqual(len(told), 2 * COUNTS["tests"], "one NIC's tests are told from another's")
        for subject in (SUBJECT, _OTHER):
            for name in ("Fails", "Says", "Crashes"):
                self.assertEqual(told[f"{subject}.{SUITE}: {name}"], TITLES[name])


if __name__ == "__main__":
    unittest.main()
