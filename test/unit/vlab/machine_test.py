"""What is said of a guest that does not get as far as it should. A shell stands for QEMU: what a
kernel must do to hang at a certain point no real one can be asked."""

import os
import tempfile
import unittest
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import GuestFailed, LabError
from vlab.debian.tools import Accelerator
from vlab.machines.guests import DUT
from vlab.machines.machine import Hardware, Machine, panicked


class Boot(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.console = self.folder / "console.log"

    def boot(self, script: str, accelerator: Accelerator) -> Machine:
        hardware = Hardware(
            DUT, ["/bin/sh", "-c", script, "qemu"], accelerator, self.folder / "vmlinux", b"", []
        )
        machine = Machine(hardware, [], self.folder, self.console)
        self.addCleanup(machine.end)
        return machine

    def failure(
        self, script: str, deadline: Deadline, *arguments: str, kind: type[LabError] = GuestFailed
    ) -> str:
        machine = self.boot(script, Accelerator([*arguments], ""))
        with self.assertRaises(LabError) as raised:
            machine.wait_parked(deadline)
        self.assertIs(type(raised.exception), kind, raised.exception)
        return str(raised.exception)

    def test_that_never_says_it_is_ready(self) -> None:
        said = self.failure("exec sleep 600", Deadline(0.1))
        self.assertEqual(said, f"the guest dut did not boot in time; the end of {self.console}:")

    def test_that_panics(self) -> None:
        lines = ["first line", "Kernel panic - not syncing: no init", "Call Trace:"]
        said = self.failure(self.console_says(lines), Deadline(60))
        self.assertIn("the guest dut ended while it booted", said)
        self.assertEqual(said.splitlines()[1:], lines[1:], "all of a crash, and nothing else")

    def test_that_runs_into_a_breakpoint_that_is_gone(self) -> None:
        script = self.console_says(["Oops: int3: 0000 [#1] SMP NOPTI", "Kernel panic"])
        for accelerator, kind in (("tcg", LabError), ("kvm", GuestFailed)):
            said = self.failure(script, Deadline(60), "-accel", accelerator, kind=kind)
            found = "by QEMU's fault: an emulated CPU kept" in said.splitlines()[0]
            self.assertEqual(found, kind is LabError, said)
            self.assertEqual(panicked(said), kind is GuestFailed, said)

    def test_whose_qemu_fails(self) -> None:
        for script, how in (
            ("exit 1", "exit status 1"), ("kill -9 $$", "signal 9"),
            ("exec >&-; sleep 0.2; exit 1", "exit status 1"),
        ):  # fmt: skip
            with self.subTest(script):
                said = self.failure(script, Deadline(60), kind=LabError)
                self.assertIn(f"the guest dut ended while it booted by QEMU's fault: {how};", said)

    def test_whose_qemu_fails_at_the_end_of_a_panic(self) -> None:
        self.failure(self.console_says(["Kernel panic - not syncing"]) + "; exit 1", Deadline(60))

    def test_whose_qemu_is_killed_behind_the_boot(self) -> None:
        machine = self.boot("sleep 0.1; kill -9 $$", Accelerator([], ""))
        os.waitid(os.P_PID, machine.pid, os.WEXITED | os.WNOWAIT)
        for _ in range(2):  # it is not reaped
            error = machine.failure("the guest dut ended")
            self.assertIs(type(error), LabError)
            self.assertIn("the guest dut ended by QEMU's fault: signal 9;", str(error))

    def test_that_complains(self) -> None:
        script = self.console_says(["lab: cannot load gve.ko"]) + "; printf p; exec sleep 600"
        self.assertIn("the guest dut cannot load gve.ko;", self.failure(script, Deadline(60)))

    def test_with_a_comma_in_the_path_of_its_console(self) -> None:
        self.console = self.folder / "a,b" / "console.log"
        self.console.parent.mkdir()
        said = self.failure(f'echo "$*" >> {self.console}', Deadline(60))
        path = str(self.console).replace("a,b", "a,,b")
        self.assertIn(f"file,id=console,path={path},append=on ", said)

    def console_says(self, lines: list[str]) -> str:
        (self.folder / "said").write_text("\n".join([*lines, ""]), encoding="utf-8")
        return f"cat {self.folder}/said >> {self.console}"


if __name__ == "__main__":
    unittest.main()
