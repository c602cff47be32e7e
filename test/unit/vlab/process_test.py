"""Commands that the lab runs for their output."""

import unittest

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture


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


if __name__ == "__main__":
    unittest.main()
