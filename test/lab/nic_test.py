"""The emulated NICs under everything that their drivers can do, each facing one of another kind. One
boot for each."""

import re
import socket
import unittest

from harness import LIMIT_S, LabTest, cases

from vlab.machines.guests import NICS

_SCRIPT = "nic_settings.sh"
_CASES = {
    "ping_v4", "ping_v6", "tcp_both_ways", "queues", "rings", "rss_table", "rule_to_a_queue",
    "jumbo_frames", "cable", "settings_under_traffic", "up_and_down", "driver_again",
    "reset_in_mid_stream",
}  # fmt: skip
_MORE = {"rule_to_a_context", "flows_follow_their_reader"}  # not of gve
_DRIVERS = "|".join(kind.module for kind in NICS.values())
# What no driver shall have said at the end.
_TROUBLE = re.compile(
    rf"^\[.*(?:WARNING: |BUG: |Oops|NETDEV WATCHDOG|hwrm|(?:{_DRIVERS}) .*(?:[Ee]rror|[Ff]ail|[Tt]imed? ?out)).*",
    re.MULTILINE,
)


class Nic(LabTest):
    def settings(self, nic: str, peer: str, more: set[str]) -> str:
        """Runs the script on `nic`, which faces `peer`; the DUT's console until the NIC is reset under
        its driver."""
        options = [*self.share(_SCRIPT, nic, peer), "--", "sh", f"/share/{_SCRIPT}"]
        process = self.start("exec", *options)
        text = self.read_until(process.stdout, b"waiting: down\n")
        self.link("down")
        text += self.read_until(process.stdout, b"waiting: up\n")
        self.link("up")
        rest, errors = process.communicate(timeout=LIMIT_S)
        said = cases((text + rest).decode())
        self.assertEqual(set(said), _CASES | more, errors.decode())
        for name, (output, status) in said.items():
            with self.subTest(name):
                self.assertEqual(status, 0, output)
        self.assertEqual(said["ping_v4"][0].count("2000 packets received"), 1)
        with self.subTest("every transfer under changing settings was whole"):
            output = said["settings_under_traffic"][0]
            self.assertRegex(output, r"(?m)^ +\d+ whole$")
            self.assertNotIn("other bytes", output)
        console, reset, _ = (
            (self.out / "dut-console.log").read_text(errors="replace").rpartition(": resetting")
        )
        self.assertTrue(reset)
        self.assertEqual([line[0] for line in _TROUBLE.finditer(console)], [])
        self.assert_nothing_left()
        return console

    def link(self, state: str) -> None:
        """Pulls the DUT's end of the cable, or puts it back."""
        (control,) = self.run_folders.glob("*/control.sock")
        with socket.socket(socket.AF_UNIX) as vnic:
            vnic.settimeout(10)
            vnic.connect(str(control))
            vnic.sendall(f"link dut {state}\n".encode())
            self.assertEqual(vnic.recv(100), b"ok\n")

    def test_gve(self) -> None:
        self.settings("gve", "bnxt", set())

    def test_bnxt(self) -> None:
        console = self.settings("bnxt", "mlx5", _MORE)
        self.assertRegex(console, "NIC Link is Down")

    def test_mlx5(self) -> None:
        console = self.settings("mlx5", "gve", _MORE)
        self.assertRegex(console, "Link down")


if __name__ == "__main__":
    unittest.main()
