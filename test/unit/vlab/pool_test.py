"""Several commands at once: what they say, and how they end."""

import io
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from vlab.base import pool
from vlab.base.pool import Job

_WAIT_FOR = """
import sys, time
from pathlib import Path
end = time.monotonic() + 20
while not Path(sys.argv[1]).exists():
    if time.monotonic() > end:
        sys.exit(99)
"""


class Console:
    """A standard stream, which `seen` looks at whenever there is more."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def flush(self) -> None:
        self.seen(self.text())

    def seen(self, text: str) -> None:
        """Replaced where a test wants to know."""

    def text(self) -> str:
        return self.buffer.getvalue().decode()


class Run(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "file"
        self.out, self.err = Console(), Console()

    def run_all(self, at_once: int, **scripts: str) -> list[int | None]:
        jobs = [
            Job(name, [sys.executable, "-c", script, str(self.file)])
            for name, script in scripts.items()
        ]
        with mock.patch("sys.stdout", self.out), mock.patch("sys.stderr", self.err):
            return [ended.status for ended in pool.run(jobs, at_once)]

    def test_each_is_heard_whole_and_in_order(self) -> None:
        slow = "print('slow begins', flush=True)" + _WAIT_FOR + "print('slow ends'); sys.exit(3)"
        fast = "import pathlib, sys; print('fast'); pathlib.Path(sys.argv[1]).touch()"
        self.assertEqual(self.run_all(2, a=slow, b=fast), [3, 0])
        self.assertEqual(self.out.text(), "a:\nslow begins\nslow ends\nb:\nfast\n")

    def test_the_first_is_heard_while_it_runs(self) -> None:
        def seen(text: str) -> None:
            if "begins" in text:
                self.file.touch()

        with mock.patch.object(self.out, "seen", seen):
            script = "print('begins', flush=True)" + _WAIT_FOR
            self.assertEqual(self.run_all(1, a=script), [0])

    def test_both_streams_stay_apart(self) -> None:
        script = "import sys; print('out'); print('err', file=sys.stderr)"
        self.assertEqual(self.run_all(1, a=script, b=script), [0, 0])
        self.assertEqual(self.out.text(), "a:\nout\nb:\nout\n")
        self.assertEqual(self.err.text(), "err\nerr\n")

    def test_no_more_than_so_many_at_once(self) -> None:
        """One that finds the other's mark would have run beside it."""
        script = """
import pathlib, sys
mark = pathlib.Path(sys.argv[1])
mark.touch(exist_ok=False)
mark.unlink()
"""
        self.assertEqual(self.run_all(1, a=script, b=script, c=script), [0, 0, 0])

    def test_one_that_hangs_is_ended_at_its_limit(self) -> None:
        log = self.file.with_name("log")
        hangs = "import time; print('begins', flush=True); time.sleep(60)"
        jobs = [
            Job("hangs", [sys.executable, "-c", hangs], 1.0, log),
            Job("ends", [sys.executable, "-c", "print('ends')"], 60.0, self.file),
        ]
        begun: list[str] = []
        ended: list[pool.Ended] = []
        found = pool.run(jobs, 2, begun=lambda job: begun.append(job.name), ended=ended.append)
        self.assertEqual([one.status for one in found], [None, 0])
        self.assertEqual(ended, found[::-1])
        self.assertEqual(begun, ["hangs", "ends"])
        self.assertLess(found[0].seconds, 30)
        self.assertEqual(log.read_text("utf-8"), "begins\n")
        self.assertEqual(self.file.read_text("utf-8"), "ends\n")

    def test_what_a_job_leaves_running_does_not_keep_its_log_open(self) -> None:
        """The end of a job with a log is the end of its process alone."""
        script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
        waits = _WAIT_FOR.replace("sys.argv[1]", repr(str(self.file)))
        waits += f"Path({str(self.file)!r}).unlink()"
        job = Job("leaves", [sys.executable, "-c", script, waits], 60.0, self.file.with_name("log"))
        (found,) = pool.run([job], 1)
        self.file.touch()
        # Gone with the folder before it was seen, it would have left the process waiting.
        end = time.monotonic() + 20
        while self.file.exists() and time.monotonic() < end:
            pass
        self.assertFalse(self.file.exists())
        self.assertEqual(found.status, 0)
        self.assertLess(found.seconds, 15)


if __name__ == "__main__":
    unittest.main()
