"""Runs of the suite that are killed, at points with names and at random times: the NIC afterwards,
the peer, and who starts next. One boot.

ZCRX_KILL_ROUNDS=3 kills at the first, the middle and the last pass of every point, every time also
with the guardian killed; the default is a sample of that. It takes longer than a lab test may by
default: ZCRX_LAB_LIMIT=7200.
"""

import os
import re
import unittest

from harness import LIMIT_S, LabTest, cases

_SCRIPT = "guardian.sh"
_ROUNDS = int(os.environ.get("ZCRX_KILL_ROUNDS", "1"))
_ALL = _ROUNDS > 1
_ALONE = 1000 if _ALL else 3
_STARTS = 50 if _ALL else 2
_LEAST_POINTS = 24 if _ALL else 12
_KILLED = re.compile(r"^killed (.+:\d+) (guarded|alone): ", re.MULTILINE)


class Guardian(LabTest):
    def test_killed_at_every_point(self) -> None:
        command = ["sh", f"/share/{_SCRIPT}", str(_ROUNDS), str(_ALONE), str(_STARTS)]
        options = ["--nic", "bnxt", *self.share(_SCRIPT), "--limit", f"{LIMIT_S:.0f}"]
        done = self.lab("exec", *options, "--", *command)
        killed = _KILLED.findall(done.stdout)
        print(done.stdout)
        with self.subTest("restored"):
            self.assertNotIn("FAILED", done.stdout)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for mode in ("guarded", "alone"):
            points = {point for point, how in killed if how == mode}
            with self.subTest(mode):
                self.assertGreaterEqual(len(points), _LEAST_POINTS if mode == "guarded" else 1)
        for kind in ("in copy_sender:", "random:", "after unbind_driver:", "after move_away:"):
            with self.subTest(kind):
                self.assertIn(kind, " ".join(point for point, _ in killed))
        said = cases(done.stdout)
        for name, status in (("without_waiting", "[02]"), ("waiting", "0")):
            output, _ = said[name]
            with self.subTest(name):
                ended = re.findall(rf"^started: status {status}$", output, re.MULTILINE)
                self.assertEqual(len(ended), 2 * _STARTS, output)
                passed = output.count("started: status 0")
                self.assertGreaterEqual(passed, 1)
                self.assertIn(f"ended: {passed}, inside: 0", output)
                self.assertNotIn("OVERLAP", output)
        self.assertRegex(
            said["without_waiting"][0],
            r"nic0 is in use by process \d+ \(.*zcrx_tests .*\), started \d+ s ago",
        )
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
