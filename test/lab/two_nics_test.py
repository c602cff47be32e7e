"""Two NICs in one DUT: the installed ctest gives each test one of them, and tests both at once."""

import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from harness import InstalledTest, cases

_SCRIPT = "two_nics.sh"
_NICS = ("gve-nic0", "bnxt_en-nic1")  # as reports name them
# A few that take long enough to meet; of these LargeChunks, Binding and Refusal want huge pages.
_SUITES = (
    "Receive", "Oneshot", "CopyEvent", "NoBuffers", "Recycling", "HeaderSplit", "Steering",
    "TwoQueues", "Binding", "Refusal", "LargeChunks",
)  # fmt: skip

Span = tuple[datetime, datetime]


def _tests(report: Path) -> dict[str, list[Span]]:
    """When each test of a report ran, by its NIC."""
    found: dict[str, list[Span]] = {}
    for test in ElementTree.parse(report).getroot().iter("testcase"):
        start = datetime.fromisoformat(test.attrib["timestamp"])
        end = start + timedelta(seconds=float(test.attrib["time"]))
        driver, nic, _ = test.attrib["classname"].split("-", 2)  # the rest: kernel and suite
        found.setdefault(f"{driver}-{nic}", []).append((start, end))
    return found


def _seconds_in_common(ones: list[Span], others: list[Span]) -> float:
    together = timedelta()
    for start, end in ones:
        for begun, ended in others:
            together += max(timedelta(), min(end, ended) - max(start, begun))
    return together.total_seconds()


class TwoNics(InstalledTest):
    def setUp(self) -> None:
        super().setUp()
        self.install("suite", "/usr")
        for name in (_SCRIPT, "cases.sh"):
            shutil.copy(Path(__file__).with_name(name), self.share_folder)
        program = shutil.which("ctest")
        assert program is not None
        needed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        libraries = self.share_folder / "ctest"
        libraries.mkdir()
        for path in re.findall(r" => (/\S+)", needed):
            shutil.copy(path, libraries)
        shutil.copy(program, self.share_folder / "usr/bin")

    def test_ctest_tests_both_at_once(self) -> None:
        options = ["--nic", "gve", "--second-nic", "bnxt", "--share", str(self.share_folder)]
        wanted = f"^hw.Zcrx({'|'.join(_SUITES)})$"
        done = self.lab("exec", *options, "--", "sh", f"/share/{_SCRIPT}", wanted)
        said = cases(done.stdout)
        self.assertEqual(len(said), 5, done.stdout + done.stderr)
        listed = said["resources"][0]
        for nic in ("nic0", "nic1"):
            self.assertIn(f'{{"id": "{nic}", "slots": 1}}', listed)
        self.assertEqual(said["both"][1], 0, said["both"][0])
        self.assertIn(f"tests passed, 0 tests failed out of {len(_SUITES)}", said["both"][0])

        tests: dict[str, list[Span]] = {}
        for suite in _SUITES:
            report = self.out / f"dut/ctest/Testing/junit-Zcrx{suite}.xml"
            for nic, spans in _tests(report).items():
                tests.setdefault(nic, []).extend(spans)
        self.assertEqual(set(tests), set(_NICS))
        for nic, spans in tests.items():
            for (_, end), (start, _) in pairwise(sorted(spans)):
                # Timestamps are whole seconds.
                self.assertLessEqual(end - start, timedelta(seconds=1), f"{nic}: one at a time")
        self.assertGreater(_seconds_in_common(*tests.values()), 2.0)

        for name in ("as_found", "as_found_again"):
            self.assertEqual(said[name], ("", 0))
        output, status = said["unallotted"]
        self.assertNotEqual(status, 0, output)
        self.assertIn("ctest has allotted none", output)
        self.assert_nothing_left()

    def test_other_nics_need_a_first(self) -> None:
        for option in ("--peer-nic", "--second-nic"):
            with self.subTest(option):
                done = self.lab("exec", "--nic", "none", option, "bnxt", "--", "true")
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"{option} bnxt needs a NIC in the DUT: --nic is none", done.stderr)
        done = self.lab("run", "--peer-nic", "bnxt")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--peer-nic is for one NIC: name it by --nic", done.stderr)


if __name__ == "__main__":
    unittest.main()
