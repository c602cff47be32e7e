"""What a lab's folder holds where the guests do not come up."""

import argparse
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab.base.errors import GuestFailed
from vlab.commands import booting


class Reports(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        self.reports = [self.out / "junit.xml", self.out / "dut/junit.xml"]
        self.reports[1].parent.mkdir()
        for report in self.reports:
            report.write_text("of an earlier run", encoding="utf-8")

    def boot(self, *, reports: bool) -> None:
        options = argparse.Namespace(
            nic="gve", faults=[], build=None, kernel="7.3", with_=[], module=None, out=self.out, cold=False
        )  # fmt: skip
        kernel = mock.Mock(version="7.3.4")
        with (
            mock.patch.multiple(
                booting, building=mock.MagicMock(), kernels=mock.Mock(), prepare=mock.Mock(),
                Supplies=mock.Mock(**{"return_value.kernel.return_value": kernel}),
                plan=mock.Mock(return_value=mock.Mock(out=self.out, results=self.out / "dut")),
                replace=lambda one, **_: one, lab=mock.Mock(side_effect=GuestFailed("no boot")),
            ),
            self.assertRaisesRegex(GuestFailed, "no boot"),
            booting.booted(options, None, reports=reports),
        ):
            pass  # fmt: skip

    def test_an_earlier_runs_is_not_taken_for_this_ones(self) -> None:
        self.boot(reports=True)
        self.assertEqual([report.exists() for report in self.reports], [False, False])

    def test_of_a_lab_that_leaves_none_they_stay(self) -> None:
        self.boot(reports=False)
        self.assertEqual([report.exists() for report in self.reports], [True, True])


if __name__ == "__main__":
    unittest.main()
