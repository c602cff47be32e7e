"""The processes behind a guest's devices."""

import subprocess
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

from vlab.base import process
from vlab.base.deadline import Deadline
from vlab.machines import links
from vlab.machines.guests import DUT
from vlab.machines.links import Shares


class SharesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_their_processes_have_time_to_end_however_long_the_lab_was_up(self) -> None:
        left: list[float] = []

        def end(served: subprocess.Popen[bytes], grace: Deadline) -> None:
            left.append(grace.remaining())
            process.end(served, grace)

        self.enterContext(mock.patch.object(links, "end", end))
        stack = self.enterContext(ExitStack())
        virtiofsd = ["sh", "-c", "exec sleep 600", "virtiofsd"]
        Shares(DUT, virtiofsd, self.folder, self.folder, stack).add("share", self.folder)
        later = time.monotonic() + 3600
        with mock.patch("time.monotonic", lambda: later):
            stack.close()
        self.assertGreater(left[0], 0)


if __name__ == "__main__":
    unittest.main()
