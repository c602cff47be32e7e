"""The private folder of a lab: that it goes, however the lab ends, and no other one does."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from vlab.machines.rundir import run_folder

_LAB = """
import time
from vlab.machines.rundir import run_folder
with run_folder() as folder:
    (folder / "key").touch()
    print(folder, flush=True)
    time.sleep(1000)
"""


class RunFolder(unittest.TestCase):
    def setUp(self) -> None:
        base = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(base.cleanup)
        self.base = Path(base.name)
        self.enterContext(mock.patch.dict(os.environ, XDG_RUNTIME_DIR=base.name))

    def killed_lab(self) -> Path:
        """The folder of a lab that was killed together with its janitor."""
        lab = subprocess.Popen([sys.executable, "-c", _LAB], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lab.kill)
        assert lab.stdout is not None
        with lab.stdout:
            folder = Path(lab.stdout.readline().strip())
        both = self.holders(folder)
        self.assertEqual(len(both), 2, both)
        for pid in both - {lab.pid}:
            os.kill(pid, signal.SIGKILL)
        self.wait(lambda: self.holders(folder) == {lab.pid})
        lab.kill()
        lab.wait()
        return folder

    def holders(self, folder: Path) -> set[int]:
        found = set()
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(link) == str(folder):
                    found.add(int(link.parts[2]))
            except OSError:
                pass
        return found

    def wait(self, for_what: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not for_what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_is_there_and_gone(self) -> None:
        with run_folder() as folder:
            self.assertEqual(list(self.base.iterdir()), [folder])
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
            (folder / "key").touch()
        self.assertEqual(list(self.base.iterdir()), [])

    def test_of_a_killed_lab_whose_janitor_was_killed_too_goes_with_the_next(self) -> None:
        left = self.killed_lab()
        self.assertTrue((left / "key").exists())
        with run_folder():
            pass
        self.assertEqual(list(self.base.iterdir()), [])

    def test_of_others_stays(self) -> None:
        names = ["zcrx-lab-earlier", "zcrx-run-held", "other"]
        for name in names:
            (self.base / name).mkdir()
        (self.base / "zcrx-run-link").symlink_to(self.base / "other")
        held = os.open(self.base / "zcrx-run-held", os.O_RDONLY)
        self.addCleanup(os.close, held)
        fcntl.flock(held, fcntl.LOCK_SH)
        with run_folder(), run_folder():
            self.assertEqual(len(list(self.base.iterdir())), 6)
        left = {path.name for path in self.base.iterdir()}
        self.assertEqual(left, {*names, "zcrx-run-link"})


if __name__ == "__main__":
    unittest.main()
