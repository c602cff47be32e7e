"""Commands that the lab runs for their output."""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture, spawn


class Capture(unittest.TestCase):
    def test_output(self) -> None:
        self.assertEqual(capture(["echo", "two words"], Deadline(10)), "two words\n")

    def test_a_failure_has_the_commands_own_words(self) -> None:
        with self.assertRaisesRegex(LabError, "^sh -c 'echo why >&2; exit 3': why$"):
            capture(["sh", "-c", "echo why >&2; exit 3"], Deadline(10))
        with self.assertRaisesRegex(LabError, "^false: exit status 1$"):
            capture(["false"], Deadline(10))

    def test_a_command_that_times_out(self) -> None:
        with self.assertRaisesRegex(LabError, r"^timed out after 0\.2 s: sleep 1000$"):
            capture(["sleep", "1000"], Deadline(0.2))

    def test_no_such_program(self) -> None:
        with self.assertRaisesRegex(LabError, "^cannot start /nonexistent: No such file"):
            capture(["/nonexistent"], Deadline(10))


_FORK = """
import os, signal, sys
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
from vlab.base.process import spawn
try:
    spawn(["sleep", "1000"])
except KeyboardInterrupt:
    sys.exit(3)
"""


class Forking(unittest.TestCase):
    def test_an_interruption_is_not_lost_in_pythons_own_hooks(self) -> None:
        done = subprocess.run([sys.executable, "-c", _FORK], timeout=30, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (3, b""))

    def test_the_program_hears_interruptions(self) -> None:
        process = spawn(["sleep", "1000"])
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), -signal.SIGINT)


_BUILD = """
import signal, sys
from vlab.base.process import spawn
spawn(["make", "--silent", f"--directory={sys.argv[1]}"], last=signal.SIGTERM)
signal.pause()
"""
# As a kernel's: a make that starts another.
_MAKEFILE = """
first:
\t@$(MAKE) second
second:
\t@cat ready >/dev/null; exec sleep 1000
"""


class Ending(unittest.TestCase):
    def test_makes_of_a_killed_lab_end_with_what_they_started(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "Makefile").write_text(_MAKEFILE)
            os.mkfifo(Path(folder) / "ready")
            lab = subprocess.Popen(
                [sys.executable, "-c", _BUILD, folder],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            assert lab.stdout is not None
            with open(Path(folder) / "ready", "w"):  # the second make has come so far
                lab.kill()
            # All of them have this pipe; it ends with the last.
            with lab.stdout, selectors.DefaultSelector() as events:
                events.register(lab.stdout, selectors.EVENT_READ)
                self.assertTrue(events.select(10), "something is still there")
                self.assertEqual(lab.stdout.read(), b"")
            lab.wait(10)


if __name__ == "__main__":
    unittest.main()
