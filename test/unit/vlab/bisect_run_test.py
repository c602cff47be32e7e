"""What git-bisect(1) is told. The build and the lab are played: each real one takes minutes."""

import argparse
import contextlib
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from vlab.base.errors import LabError, UsageError
from vlab.commands import bisect_run
from vlab.commands.bisect_run import ABORT, BAD, GOOD, SKIP
from vlab.kernels.build import BuildError


class BisectRun(unittest.TestCase):
    def verdict(
        self, suite: int | Exception, *, make: Exception | None = None,
        boot: Exception | None = None,
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
            kernel=Path("/linux"), with_=["kasan"], build=None, words=["--gtest_filter=A"], limit=1
        )
        with (
            mock.patch.object(bisect_run, "building"), mock.patch.object(bisect_run, "Supplies"),
            mock.patch("vlab.kernels.build.build", side_effect=built),
            mock.patch("vlab.commands.booting.booted", booted),
            mock.patch("vlab.base.progress.note") as said,
        ):  # fmt: skip
            result = bisect_run.act(options)
        said.assert_called_once()
        return result

    def test_tests_decide(self) -> None:
        self.assertEqual(self.verdict(0), GOOD)
        self.assertEqual(self.verdict(1), BAD)

    def test_a_kernel_that_panics_or_hangs_or_kills_the_suite_is_bad(self) -> None:
        self.assertEqual(self.verdict(LabError("the guest dut ended")), BAD)
        self.assertEqual(self.verdict(139), BAD)

    def test_what_cannot_be_judged_is_skipped(self) -> None:
        self.assertEqual(self.verdict(4), SKIP)
        self.assertEqual(self.verdict(0, make=BuildError("zcrx.c:7: error")), SKIP)
        self.assertEqual(self.verdict(0, boot=LabError("did not boot in time")), SKIP)
        self.assertEqual(self.verdict(0, boot=UsageError("has no bnxt_en")), SKIP)

    def test_wrong_arguments_end_the_bisection(self) -> None:
        for status in (2, 3):
            self.assertEqual(self.verdict(status), ABORT)


if __name__ == "__main__":
    unittest.main()
