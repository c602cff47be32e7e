"""The exit status of several labs."""

import unittest

from vlab.commands import every_nic


class Worst(unittest.TestCase):
    def test_the_worst_status_of_several(self) -> None:
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
