"""What git-bisect(1) is told. The build and the lab are played: each real one takes minutes."""

import argparse
import contextlib
import io
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import GuestFailed, LabError, TimedOut, UsageError
from vlab.commands import bisect_run, cli
from vlab.commands.bisect_run import ABORT, BAD, GOOD, SKIP
from vlab.commands.cli import Command
from vlab.faults.abilities import Abilities
from vlab.kernels.build import BuildError

_BNXT = Abilities(["command-refused"], ["RING_ALLOC"], ["RING_ALLOC"])


class BisectRun(unittest.TestCase):
    def verdict(
        self, suite: int | Exception, *, make: Exception | None = None,
        boot: Exception | None = None, fault: str | None = None,
    ) -> int:  # fmt: skip
        """`suite`: its exit status, or how the lab broke meanwhile."""
        lab = mock.Mock(**{"run.side_effect": [suite]})

        @contextlib.contextmanager
        def booted(*_: object) -> Iterator[mock.Mock]:
            if boot:
                raise boot
            yield lab

        built: list[Exception | Path] = [make or Path("/built")]
        options = argparse.Namespace(
            kernel=Path("/linux"), with_=["kasan"], build=None, words=["--gtest_filter=A"], limit=1,
            module=None, nic="bnxt", faults=[fault] if fault else [], out=Path("/results"),
        )  # fmt: skip
        with (
            mock.patch.object(bisect_run, "results_folder"),
            mock.patch.object(bisect_run, "building"), mock.patch.object(bisect_run, "Supplies"),
            mock.patch("vlab.kernels.build.build", side_effect=built),
            mock.patch("vlab.commands.booting.booted", booted),
            mock.patch("vlab.faults.abilities.of_build", return_value={"bnxt": _BNXT}),
            mock.patch("vlab.base.progress.note") as said,
        ):  # fmt: skip
            result = bisect_run.act(options)
        said.assert_called_once()
        return result

    def test_tests_decide(self) -> None:
        self.assertEqual(self.verdict(0), GOOD)
        self.assertEqual(self.verdict(1), BAD)

    def test_a_kernel_that_panics_or_hangs_or_kills_the_suite_is_bad(self) -> None:
        self.assertEqual(self.verdict(GuestFailed("the guest dut ended")), BAD)
        self.assertEqual(self.verdict(TimedOut("timed out after 900 s")), BAD)
        self.assertEqual(self.verdict(139), BAD)

    def test_what_cannot_be_judged_is_skipped(self) -> None:
        self.assertEqual(self.verdict(4), SKIP)
        self.assertEqual(self.verdict(0, make=BuildError("zcrx.c:7: error")), SKIP)
        self.assertEqual(self.verdict(0, boot=GuestFailed("did not boot in time")), SKIP)
        self.assertEqual(self.verdict(0, boot=UsageError("has no bnxt_en")), SKIP)

    def test_a_fault_that_the_nic_cannot_be_given_is_refused(self) -> None:
        self.assertEqual(self.verdict(0, fault="command-refused=RING_ALLOC"), GOOD)
        for fault in ("no-such", "drop", "command-refused", "command-refused=NOPE"):
            with self.subTest(fault), self.assertRaises(UsageError):
                self.verdict(0, fault=fault)

    def test_wrong_arguments_and_a_lost_connection_end_the_bisection(self) -> None:
        for status in (2, 3, 255):
            self.assertEqual(self.verdict(status), ABORT)

    def test_a_machine_that_does_not_work_ends_the_bisection(self) -> None:
        cases: list[dict[str, Any]] = [
            {"suite": LabError("the NIC process ended")}, {"suite": 0, "boot": LabError("no QEMU")},
            {"suite": 0, "make": LabError("No space left on device")},
            {"suite": 0, "make": ValueError("a mistake of ours")},
        ]  # fmt: skip
        for how in cases:
            with self.subTest(how), mock.patch.dict(cli.COMMANDS, {"bisect-run": self.played(**how)}):
                with contextlib.redirect_stderr(io.StringIO()):
                    self.assertEqual(cli.main(["bisect-run"]), ABORT)

    def played(self, **how: Any) -> Command:
        return Command("", "", lambda _: self.verdict(**how), lambda _: None)


if __name__ == "__main__":
    unittest.main()
