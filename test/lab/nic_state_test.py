"""The NIC as it was found: the suite leaves somebody else's settings alone, byte for byte, and
zcrx_nic puts them back after they were wrecked. One boot for each NIC."""

import unittest

from harness import LabTest, cases

_SCRIPT = "nic_state.sh"
# Every kind of change that the suite makes: rules, contexts, rings, RSS, huge pages.
_TESTS = "ZcrxReceive.*:ZcrxLargeChunks.*/flow_rule"
_CLEAN = {
    "looked_for_duplicates", "foreign", "snapshot", "clean", "suite", "suite_leaves_it", "put_back",
    "wreck", "restored", "diff_after", "silence",
}  # fmt: skip
_WRECKED = (
    "MTU was 1400, is 1500", "feature rx-gro was off, is on",
    "RSS: key was 5c:5c:", "RSS table: ", "flow rule ", "huge-pages was 4, is 0",
)  # fmt: skip


class NicState(LabTest):
    def put_back(self, nic: str, *wrecked: str) -> dict[str, tuple[str, int]]:
        """What the script said."""
        done = self.lab(
            "exec", *self.share(_SCRIPT, nic), "--", "sh", f"/share/{_SCRIPT}", _TESTS
        )
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        said = cases(done.stdout)
        for name in _CLEAN:
            with self.subTest(name):
                output, status = said[name]
                self.assertEqual(status, 0, output + done.stderr)
        for name in ("snapshot", "clean", "restored", "diff_after"):
            self.assertEqual(said[name][0], "", name)
        self.assertIn(" -rw------- ", f" {said['file'][0]}")
        with self.subTest("a test that leaves a trace fails"):
            output, _ = said["meddled_with"]
            left = "the test left the NIC changed: feature tx-nocache-copy was off, is on"
            self.assertEqual(output.count(left), 1, output)
            self.assertIn("[  FAILED  ] 1 test", output)
        with self.subTest("diff names what was wrecked"):
            output, status = said["diff"]
            self.assertEqual(status, 1, output)
            for sentence in (*_WRECKED, *wrecked):
                self.assertIn(f"nic0: {sentence}", output)
        with self.subTest("restore puts it back"):
            output, status = said["restore"]
            self.assertEqual(status, 0, output)
            self.assertTrue(output.startswith("nic0: link was up, is down\n"), output)
            self.assertTrue(output.endswith("nic0: put back\n"), output)
        with self.subTest("a second time nothing is changed"):
            output, status = said["again"]
            self.assertEqual(status, 0, output)
            self.assertIn("nic0: nothing to do\n", output)
            heard = output.partition("settings:\n")[2]
            self.assertEqual(heard, said["silence"][0].partition("settings:\n")[2])
            self.assertIn("nic0", heard)
        with self.subTest("another NIC's state is refused"):
            output, status = said["other_nic"]
            self.assertEqual(status, 2, output)
            self.assertRegex(output, "^zcrx_nic: use the state of mgmt0 for nic0: .*its driver was")
        with self.subTest("a truncated file is refused"):
            output, status = said["cut"]
            self.assertEqual(status, 2, output)
            self.assertIn("parse error at line 11", output)
        with self.subTest("pages of others are not waited for"):
            self.assertEqual(said["take_pages"], ("", 0))
            output, status = said["restored_beside"]
            self.assertEqual(status, 0, output)
            self.assertEqual(output, "nic0: huge-pages was 0, is 2\nnic0: put back\n0\n")
        self.assert_nothing_left()
        return said

    def test_gve(self) -> None:
        self.put_back(
            "gve",
            "channels: rx was 4, is 3",
            "channels: tx was 4, is 3",
            "rings: rx was 1024, is 512",
            "rings: tcp-data-split was off, is on",
            "flow rule 7 is gone (tcp4 ... to queue 2)",
        )

    def test_bnxt(self) -> None:
        self.with_contexts_and_large_chunks(
            "bnxt",
            "rings: rx was 300, is 511",
            "flow rule 0 is gone (tcp4 src-port 5001 to RSS context 1)",
        )

    def test_mlx5(self) -> None:
        self.with_contexts_and_large_chunks(
            "mlx5",
            "rings: rx was 8192, is 1024",
            "feature rx-gro-hw was off, is on",  # header split, of which it said nothing, is no change
            "flow rule 7 is gone (tcp4 src-port 5001 to RSS context 1)",
        )

    def with_contexts_and_large_chunks(self, nic: str, *wrecked: str) -> None:
        said = self.put_back(
            nic,
            "channels: combined was 4, is 3",
            "RSS context 1: key was a1:a1:",
            "RSS context 1 table: ",
            "RSS context 2 is new",
            *wrecked,
        )
        pools = {"pages_in_use": "4\n", "surplus_pages": "0\n", "pages_leaving": "0\n"}
        for name, pool in pools.items():
            with self.subTest(name):
                output, status = said[name]
                self.assertEqual(status, 0, output)
                self.assertTrue(output.endswith(pool), output)


if __name__ == "__main__":
    unittest.main()
