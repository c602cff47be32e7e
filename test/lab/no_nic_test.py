"""A lab without a NIC: one guest, and of the suite what needs none. The peer of an ordinary lab runs
that too."""

import unittest

from harness import LabTest, names_of_all_tests

from vlab.base.nodev import NO_NIC, belongs
from vlab.machines.guests import PEER
from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import Case, Outcome

_NIC = ["--nic", NO_NIC]
_CONTAINER = ["unshare", "-n", "-m", "-p", "-i", "-u", "-f", "sh", "-c"]


class NoNic(LabTest):
    def cases(self) -> list[Case]:
        return junit.read(self.out / JUNIT)

    def test_one_guest_runs_all_that_needs_no_nic(self) -> None:
        done = self.lab("run", *_NIC)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        wanted = {test for test in names_of_all_tests() if belongs(test, NO_NIC)}
        self.assertEqual({case.test for case in self.cases()}, wanted)
        self.assertTrue((self.out / "dut-console.log").exists())
        for log in ("peer-console.log", "vnic.log"):
            self.assertFalse((self.out / log).exists(), log)
        self.assert_nothing_left()

    def test_of_what_the_user_selects_it_runs_what_needs_no_nic(self) -> None:
        one = next(test for test in names_of_all_tests() if belongs(test, NO_NIC))
        done = self.lab("run", *_NIC, "--", f"--gtest_filter=ZcrxReceive.*:*{one[5:]}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([case.test for case in self.cases()], [one])

    def test_where_that_is_nothing_the_suite_says_so(self) -> None:
        done = self.lab("run", *_NIC, "--", "--gtest_filter=ZcrxReceive.*")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("no test was selected; see --gtest_list_tests", done.stderr)

    def test_a_kernel_that_needs_a_device_skips_it_and_says_so(self) -> None:
        done = self.lab("run", *_NIC, "--kernel", "6.17")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        for case in self.cases():
            self.assertEqual(case.outcome, Outcome.SKIPPED, case)
            self.assertIn("IORING_REGISTER_QUERY", case.text)

    def test_it_runs_in_a_container_with_nothing_but_loopback(self) -> None:
        suites = "ZcrxNodevReceiver.*:ZcrxNodevShared.*:ZcrxNodevEnd.*"
        inside = f"mount -t proc proc /proc; ip link set lo up; zcrx_tests --gtest_filter={suites}"
        done = self.lab("exec", *_NIC, "--", *_CONTAINER, inside)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("SKIPPED", done.stdout)

    def test_any_command_runs_in_a_guest_that_has_only_the_hosts_link(self) -> None:
        done = self.lab("exec", *_NIC, "--cold", "--", "ls", "/sys/class/net")
        self.assertEqual((done.returncode, done.stdout), (0, "host0\nlo\n"), done.stderr)
        self.assert_nothing_left()

    def test_a_fault_needs_a_nic(self) -> None:
        done = self.lab("exec", *_NIC, "--fault", "drop", "--", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("drop is a fault of ", done.stderr)
        self.assertNotIn("the guest", done.stderr)

    def test_the_peer_of_an_ordinary_lab_runs_it_too(self) -> None:
        peer = ["ssh", f"root@{PEER.management_v4}"]
        done = self.lab("exec", "--", *peer, "zcrx_tests", "--gtest_filter=ZcrxNodev*")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no NIC, kernel 7.3.", done.stdout)
        self.assertIn("[  PASSED  ]", done.stdout)


if __name__ == "__main__":
    unittest.main()
