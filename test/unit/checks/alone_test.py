"""A command that nothing builds beside."""

import fcntl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from vlab.suites import build


class Alone(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "build"  # of a clean clone: not there yet

    def start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "checks.alone", self.folder, "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def test_waits_for_a_build_of_ci_lab(self) -> None:
        with build.alone(self.folder):
            command = self.start(f"touch {self.folder}/began")
            self.addCleanup(command.kill)
            assert command.stderr
            self.assertIn("another build is in", command.stderr.readline())
            self.assertFalse((self.folder / "began").exists())
        command.communicate(timeout=10)
        self.assertTrue((self.folder / "began").exists())

    def test_keeps_others_waiting_and_ends_as_the_command_does(self) -> None:
        with self.start("echo began; read line; exit 7") as command:
            assert command.stdout and command.stdin
            self.assertEqual(command.stdout.readline(), "began\n")
            with open(self.folder / ".lock", "w", encoding="utf-8") as lock:
                with self.assertRaises(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            command.communicate("\n", timeout=10)
        self.assertEqual(command.returncode, 7)


if __name__ == "__main__":
    unittest.main()
