"""However ci/lab ends, nothing of the lab stays: no process, no socket, no key."""

import os
import signal
import subprocess
import unittest

from harness import LabTest


class Ending(LabTest):
    def end_while_booting(self, number: int) -> int:
        process = self.start("exec", "--cold", "--", "true")
        self.read_until(process.stderr, b"booting both guests ...")
        return self.end(process, number)

    def end_while_restoring(self, number: int) -> int:
        self.assertEqual(self.lab("exec", "--", "true").returncode, 0)  # there is a snapshot
        process = self.start("exec", "--", "true")
        self.read_until(process.stderr, b"restoring both guests ...")
        return self.end(process, number)

    def end_while_a_command_runs(self, number: int) -> int:
        process = self.start("exec", "--", "sh", "-c", "echo running; sleep 1000")
        self.read_until(process.stdout, b"running\n")
        processes = " ".join(self.pids().values())
        for program in ("qemu-system-x86_64", "vnic", "ssh"):
            self.assertIn(program, processes)
        return self.end(process, number)

    def end(self, process: "subprocess.Popen[bytes]", number: int) -> int:
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as the terminal does it: all in the foreground
        else:
            process.send_signal(number)
        self.read_to_end(process)
        self.assert_nothing_left()
        return process.returncode

    def read_to_end(self, process: "subprocess.Popen[bytes]") -> None:
        process.communicate(timeout=20)

    def test_kill_while_booting(self) -> None:
        self.assertEqual(self.end_while_booting(signal.SIGKILL), -signal.SIGKILL)

    def test_kill_while_restoring(self) -> None:
        self.assertEqual(self.end_while_restoring(signal.SIGKILL), -signal.SIGKILL)

    def test_interrupt_while_restoring(self) -> None:
        self.assertEqual(self.end_while_restoring(signal.SIGINT), 128 + signal.SIGINT)

    def test_interrupt_while_booting(self) -> None:
        self.assertEqual(self.end_while_booting(signal.SIGINT), 128 + signal.SIGINT)

    def test_termination_while_booting(self) -> None:
        self.assertEqual(self.end_while_booting(signal.SIGTERM), 128 + signal.SIGTERM)

    def test_kill_while_a_command_runs(self) -> None:
        self.assertEqual(self.end_while_a_command_runs(signal.SIGKILL), -signal.SIGKILL)

    def test_interrupt_while_a_command_runs(self) -> None:
        self.assertEqual(self.end_while_a_command_runs(signal.SIGINT), 128 + signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
