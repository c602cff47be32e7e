"""What several labs come to: their exit status, and what must not be missed of any."""

import datetime
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab.base.errors import UsageError
from vlab.commands import every_nic
from vlab.commands.cells import Cell
from vlab.faults import catalogue
from vlab.faults.abilities import Abilities
from vlab.faults.catalogue import Catalogue, FaultKind
from vlab.results.known_issues import KnownIssue


class Worst(unittest.TestCase):
    def test_the_worst_status_of_several(self) -> None:
        for statuses, status in (
            ([0, 0], 0),
            ([4, 0], 0),
            ([4, 4], 4),
            ([0, 3], 3),
            ([0, 5], 5),
            ([5, 1], 1),
            ([1, 139], 139),
            ([0, -9], -9),
        ):
            self.assertEqual(every_nic.worst(statuses), status)
            self.assertEqual(every_nic.worst(statuses[::-1]), status)


class Able(unittest.TestCase):
    def able(self, *faults: str) -> list[str]:
        known = Catalogue(
            [FaultKind("drop", "", "caught"), FaultKind("dry", "", "caught")],
            {"gve": Abilities(["drop"], [], []), "mlx5": Abilities(["drop", "dry"], [], [])},
        )
        cells = [Cell(nic, "7.3.4", Path(), "7.3") for nic in ("gve", "mlx5", "none")]
        with (
            mock.patch.object(catalogue, "load", lambda: known),
            mock.patch.object(Catalogue, "of_build", lambda self, programs: self),
        ):
            return [cell.nic for cell in every_nic._able(cells, faults, Path())]

    def test_are_labs_whose_nic_can_be_given_all_faults(self) -> None:
        self.assertEqual(self.able("drop"), ["gve", "mlx5"])
        self.assertEqual(self.able("drop", "dry"), ["mlx5"])

    def test_no_nic_can(self) -> None:
        with self.assertRaisesRegex(UsageError, "the fault drop takes no argument"):
            self.able("drop=1")


class Notes(unittest.TestCase):
    def test_are_those_of_the_labs_own_report(self) -> None:
        never = datetime.date(2900, 1, 1)
        fault = KnownIssue("x", ["7.3"], ["mlx5"], "A.*", "dry", "c", never)
        with tempfile.TemporaryDirectory() as folder:
            cell = Cell("mlx5", "7.3.4", Path(folder), "7.3")
            self.assertEqual(every_nic._notes(cell, [fault], whole=True), [])
            report = '<a><testcase classname="x.A" name="a"/></a>'
            (cell.out / "junit.xml").write_text(report, encoding="utf-8")
            said = every_nic._notes(cell, [fault], whole=True)
            self.assertEqual(said, ["NOW PASSES on mlx5 7.3.4: x (mlx5 7.3 A.*: dry)"])
            self.assertEqual(every_nic._notes(cell, [fault], whole=False), [])


if __name__ == "__main__":
    unittest.main()
