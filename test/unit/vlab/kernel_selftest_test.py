"""The table of where the time of our own run went."""

import unittest

from vlab.commands import kernel_selftest


class Shares(unittest.TestCase):
    def test_what_no_part_has_is_the_start_and_the_exit(self) -> None:
        self.assertEqual(
            kernel_selftest._shares(2.0, {"login": 0.5, "rest": 1.0}),
            [
                "where zcrx-hwtest's 2.0 s went:",
                "  login            0.50 s   25 %",
                "  rest             1.00 s   50 %",
                "  start and exit   0.50 s   25 %",
            ],
        )

    def test_a_run_without_a_report_has_no_table(self) -> None:
        self.assertEqual(kernel_selftest._shares(2.0, {}), [])


if __name__ == "__main__":
    unittest.main()
