"""Complaints of a kernel, out of consoles as they come from a guest."""

import tempfile
import unittest
from pathlib import Path

from vlab.results.console import complaints

_CONSOLE = """\
warning: Could not enable error recovery for the device
[    1.000000] gve 0000:00:05.0 nic0: WARNING: said by a driver
[   13.934534] WARNING: CPU: 0 PID: 165 at net/core/dev.h:356 page_pool_destroy+0x5e/0x70\r
[   13.934969] Modules linked in: gve
[   20.934534] WARNING: CPU: 1 PID: 7 at net/core/dev.h:356 page_pool_destroy+0x5e/0x70
[   21.000000] WARNING: net/core/dev.c:9 at register_netdev+0x1/0x2, CPU#1: ip/70
[   22.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
[  123.000000] INFO: task zcrx_tests:12 blocked for more than 60 seconds.
"""


class Complaints(unittest.TestCase):
    def of(self, console: bytes, since: int = 0) -> list[str]:
        with tempfile.NamedTemporaryFile() as file:
            file.write(console)
            file.flush()
            return complaints(Path(file.name), since)

    def test_each_once_without_time_and_process(self) -> None:
        self.assertEqual(
            self.of(_CONSOLE.encode()),
            [
                "WARNING: at net/core/dev.h:356 page_pool_destroy+0x5e/0x70",
                "WARNING: net/core/dev.c:9 at register_netdev+0x1/0x2",
                "BUG: kernel NULL pointer dereference, address: 0000000000000008",
                "INFO: task zcrx_tests:12 blocked for more than 60 seconds.",
            ],
        )

    def test_a_line_without_end_is_cut(self) -> None:
        (said,) = self.of(b"[    1.0] BUG: " + b"x" * 5000)
        self.assertEqual(len(said), len("BUG: ") + 300)

    def test_bytes_that_are_not_text(self) -> None:
        self.assertEqual(self.of(b"\xff\n[    1.0] BUG: \xff"), ["BUG: \ufffd"])

    def test_the_end_of_a_long_console(self) -> None:
        before = b"[    1.0] BUG: old\n" + b"x" * (5 << 20) + b"\n"
        self.assertEqual(self.of(before + b"[    2.0] BUG: new\n", len(before)), ["BUG: new"])

    def test_no_console(self) -> None:
        self.assertEqual(complaints(Path("/nonexistent/console.log")), [])


if __name__ == "__main__":
    unittest.main()
