"""ci/lab exec: any command on the DUT, unchanged. One test boots, the others restore the guests."""

import unittest

from harness import LabTest

# Each check prints one line, so that one boot serves all.
_SCRIPT = """\
for argument; do echo "<$argument>"; done
echo "nic $(ethtool -i nic0 | sed -n 's/driver: //p')"
ping -c 1 -w 20 192.0.2.2 >/dev/null && echo "v4 reaches the peer"
ping -6 -c 1 -w 20 2001:db8:1::2 >/dev/null && echo "v6 reaches the peer"
echo "ssh $(ssh -o BatchMode=yes root@198.51.100.2 hostname)"
echo "peer sees $(ssh -o BatchMode=yes root@198.51.100.2 cat /share/from-host)"
echo guest >/share/from-guest
cat
exit 37
"""
_ARGUMENTS = ["two words", "", "it's", '"quoted"', "$HOME `id` *", "a\nb", "ü;|&<>", "--", "-x"]


class Exec(LabTest):
    def test_arguments_status_links_and_share(self) -> None:
        share = self.folder / "share"
        share.mkdir()
        (share / "from-host").write_text("host\n", encoding="utf-8")
        options = ["--cold", "--share", str(share)]
        done = self.lab("exec", *options, "--", "sh", "-c", _SCRIPT, "sh", *_ARGUMENTS)
        printed = "".join(f"<{argument}>\n" for argument in _ARGUMENTS)
        printed += (
            "nic gve\nv4 reaches the peer\nv6 reaches the peer\nssh peer\npeer sees host\n"
        )
        self.assertEqual(done.stdout, printed, done.stderr)
        self.assertEqual(done.returncode, 37)
        self.assertEqual((share / "from-guest").read_text(encoding="utf-8"), "guest\n")

    def test_a_guest_that_panics_is_a_broken_lab_and_its_results_stay(self) -> None:
        panic = "echo kept >/results/kept; echo c >/proc/sysrq-trigger; sleep 60"
        done = self.lab("exec", "--", "sh", "-c", panic)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("the guest dut ended", done.stderr)
        self.assertIn("Kernel panic", done.stderr, "the end of its console")
        self.assertEqual((self.out / "dut/kept").read_text(encoding="utf-8"), "kept\n")
        self.assert_nothing_left()

    def test_a_command_that_takes_too_long_is_ended(self) -> None:
        done = self.lab("exec", "--limit", "2", "--", "sleep", "1000")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("timed out after 2 s: sleep 1000", done.stderr)


if __name__ == "__main__":
    unittest.main()
