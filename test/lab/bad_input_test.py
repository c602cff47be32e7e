"""Bad input for the suite itself, in the DUT: a sentence, a status, and the NIC as it was."""

import unittest

from harness import LabTest, cases

_SCRIPT = "bad_input.sh"

# What the suite was given: (exit status, what it has to say).
_EXPECTED = {
    "no_configuration": (2, "NETIF is missing"),
    "unknown_argument": (2, "--gtest_filtr"),
    "nothing_selected": (3, "no test was selected"),
    "no_such_interface": (2, "no network interface eth7; there are: "),
    "address_elsewhere": (
        2,
        "LOCAL_V4 198.51.100.1 is not an address of nic0: mgmt0 has this address; it has to be on NETIF itself",
    ),
    "address_of_nobody": (
        2,
        "LOCAL_V4 192.0.2.77 is not an address of nic0: no interface of this machine has this address",
    ),
    "unknown_promise": (2, 'ZCRX_PROMISED: unknown capability "wings"'),
    "no_privilege": (2, "CAP_NET_ADMIN"),
    "io_uring_disabled": (2, "sysctl kernel.io_uring_disabled=0"),
    "ssh_refused": (2, "ECONNREFUSED"),
    "ssh_unknown_host": (2, "ssh-keyscan"),
    "ssh_wrong_key": (2, "authorized_keys"),
    "check": (4, "no   test_zcrx_large_chunks             lacks large-chunks\n"),
    "check_unknown_promise": (2, 'ZCRX_PROMISED: unknown capability "wings"'),
    "check_tells_all": (2, "no   addresses "),
    "port_taken": (1, "EADDRINUSE"),
    "port_given": (0, "[  PASSED  ] 1 test"),
    "named": (0, 'value="events, queue statistics, packet trace"'),
    "no_ipv6": (0, "ipv6: LOCAL_V6 is not configured"),
    "another_way": (1, " bytes received is in the NIC's packet trace"),
    "sender_killed": (1, "it ended with status 137 (SIGKILL) before that"),
    "sender_died": (1, "the stream ended after 1000 of 2097152 bytes"),
    "other_data": (1, "offset 0"),
    "broken_promise": (1, "large-chunks: promised for this lab, but gve"),
}


class BadInput(LabTest):
    def test_one_thing_wrong_at_a_time(self) -> None:
        done = self.lab("exec", *self.share(_SCRIPT), "--", "sh", f"/share/{_SCRIPT}")
        said = cases(done.stdout)
        for name, (status, sentence) in _EXPECTED.items():
            with self.subTest(name):
                output, found = said[name]
                self.assertEqual(found, status, output)
                self.assertIn(sentence, output)
        with self.subTest("no test passes whose packets did not cross the NIC"):
            output, _ = said["another_way"]
            self.assertNotIn("[       OK ]", output)
        with self.subTest("a check goes on after what it finds missing"):
            output, _ = said["check_tells_all"]
            self.assertRegex(output, r"(?m)^no   peer .*ssh-keyscan")
            self.assertNotIn("header-split", output)
        with self.subTest("the NIC is as it was found"):
            output, status = said["state_as_found"]
            self.assertEqual(output, "")
        with self.subTest("nothing stays on the peer"):
            self.assertEqual(said["folders_on_the_peer"], ("", 0))
        with self.subTest("queues that are missing are made, and undone"):
            output, status = said["one_queue_is_made_two"]
            self.assertEqual(status, 0, output)
            self.assertRegex(output, r"Current hardware settings:\nRX:\s+1\nTX:\s+1\n")


if __name__ == "__main__":
    unittest.main()
