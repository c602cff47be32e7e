"""What the last line of a run says about a JUnit file."""

import tempfile
import unittest
from pathlib import Path

from vlab.results import summary

_REPORT = """<testsuites><testsuite name="A">
<testcase name="1"/>
<testcase name="2"><failure message="x"/><failure message="y"/></testcase>
<testcase name="3"><skipped message="x"/></testcase>
<testcase name="4"><error message="was running"/></testcase>
</testsuite></testsuites>"""


class Summary(unittest.TestCase):
    def summary_of(self, text: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(text)
            file.flush()
            return summary(Path(file.name))

    def test_a_test_counts_once_and_an_error_is_a_failure(self) -> None:
        self.assertEqual(self.summary_of(_REPORT), "1 passed, 1 skipped, 2 failed")

    def test_no_tests(self) -> None:
        self.assertEqual(self.summary_of("<testsuites/>"), "0 passed, 0 skipped, 0 failed")

    def test_what_cannot_be_read(self) -> None:
        self.assertIn("cannot be read", self.summary_of("<testsuites>"))


if __name__ == "__main__":
    unittest.main()
