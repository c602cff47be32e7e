"""Values of options of ci/lab, and what is refused."""

import argparse
import select
import unittest

from vlab.commands import arguments


class Seconds(unittest.TestCase):
    def test_are_few_enough_to_wait_for(self) -> None:
        with open("/dev/null", "rb") as ready:
            poll = select.poll()
            poll.register(ready)
            poll.poll(arguments.seconds("1000000") * 1000)
        for text in ("1000000.1", "2147484", "9" * 400):
            with self.assertRaisesRegex(argparse.ArgumentTypeError, "more than 1000000 seconds"):
                arguments.seconds(text)

    def test_are_a_number(self) -> None:
        self.assertEqual(arguments.seconds("0.5"), 0.5)
        for text in ("", "-1", "1e3", "inf", "nan", ".5"):
            with self.assertRaisesRegex(argparse.ArgumentTypeError, "not a number of seconds"):
                arguments.seconds(text)


if __name__ == "__main__":
    unittest.main()
