"""Reports of a real program, program_helper: passed, skipped, failed, and one that did not end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

# What the program says, and what of it is the cause. Its last test ends the process.
COUNTS = {"tests": 5, "failures": 2, "errors": 1, "skipped": 1}
TITLES = {
    "Skips": "large-chunks: gve answered \N{REPLACEMENT CHARACTER} EOPNOTSUPP",
    "Fails": "Expected equality of these values: 1; 2; "
    "byte \N{REPLACEMENT CHARACTER} of the stream",
    "Says": "nobody connected",
    "Crashes": "the test had not ended when this report was written",
}
SUBJECT = "gve-eth1-7.3.4"
SUITE = "Helper"

_NIC = ("--netif=eth1", "--local-v4=192.0.2.1", "--remote-v4=192.0.2.2")
_PEER = ("--remote-type=ssh", "--remote-args=peer")


class ReportTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def report(
        self, name: str, *options: str, subject: str = SUBJECT,
        tests: str = f"{SUITE}.*", ends: int = -signal.SIGABRT,
    ) -> Path:  # fmt: skip
        """The file `name` that the program writes with `options`."""
        words = [os.environ["PROGRAM_HELPER"], *_NIC, *_PEER, *options]
        done = subprocess.run(
            [*words, f"--gtest_filter={tests}"],
            cwd=self.folder,
            env={"HELPER_SUBJECT": subject},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, ends, done.stderr)
        return self.folder / name

    def junit(self, name: str = "junit.xml", subject: str = SUBJECT) -> Path:
        return self.report(name, f"--junit={name}", subject=subject)
