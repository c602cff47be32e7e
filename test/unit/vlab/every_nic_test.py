"""Several labs at once, which are small scripts here: what they say, and how they ended."""

import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab import every_nic

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


class RunAll(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "file"
        self.out, self.err = Console(), Console()

    def run_all(self, jobs: int, **scripts: str) -> list[int]:
        commands = {
            name: [sys.executable, "-c", script, str(self.file)] for name, script in scripts.items()
        }
        with mock.patch("sys.stdout", self.out), mock.patch("sys.stderr", self.err):
            return every_nic.run_all(commands, jobs)

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


class Worst(unittest.TestCase):
    def test_what_is_told_of_several(self) -> None:
        for statuses, status in (
            ([0, 0], 0),
            ([4, 0], 0),
            ([4, 4], 4),
            ([0, 3], 3),
            ([0, 5], 5),
            ([5, 1], 1),
            ([1, 139], 139),
            ([0, -9], -9),
        ):
            self.assertEqual(every_nic.worst(statuses), status)
            self.assertEqual(every_nic.worst(statuses[::-1]), status)


if __name__ == "__main__":
    unittest.main()
