"""What the rows of a table are found with: the same labs have the same name."""

import shutil
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import vlab
from vlab.debian.tools import Accelerator
from vlab.faults import kept
from vlab.kernels.kernel import Kernel
from vlab.machines.guests import NICS
from vlab.machines.lab import Plan
from vlab.suites.build import PROGRAMS


class Lab(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image, self.module = self.folder / "vmlinux", self.folder / "gve.ko"
        for path in (self.image, self.module, *(self.folder / name for name in PROGRAMS)):
            path.write_text("before")
        self.plan = Plan(
            NICS["gve"], Kernel("7.3.4+deb13", self.image, [self.module]), ["qemu"],
            Accelerator([], ""), ["virtiofsd"], self.folder, self.folder, self.folder / "out",
        )  # fmt: skip

    def lab(self, plan: Plan) -> str:
        return kept.of(self.folder, plan).lab

    def test_is_the_same_wherever_its_files_are(self) -> None:
        copy = self.folder / "copy"
        copy.mkdir()
        for name in PROGRAMS:
            (copy / name).write_text("before")
        self.assertEqual(
            self.lab(replace(self.plan, build=copy, out=Path("/elsewhere"))), self.lab(self.plan)
        )

    def test_is_another_with_any_other_part(self) -> None:
        before = self.lab(self.plan)
        others = replace(self.plan, cold=True), replace(self.plan, qemu=["another"])
        found = {self.lab(other) for other in others}
        for path in (self.image, self.module, *(self.folder / name for name in PROGRAMS)):
            path.write_text("afterwards")
            found.add(self.lab(self.plan))
        self.assertEqual(len(found - {before}), 2 + 2 + len(PROGRAMS))

    def test_is_the_same_after_a_commit_that_changes_no_program(self) -> None:
        found = set()
        for revision, checksum in ((b"4123feed8bc9", b"\n" * 20), (b"ba80418c0ffe", b"\7" * 20)):
            note = b"\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0" + checksum
            for name in PROGRAMS:
                program = b"code" + note + b"0.1.0 (" + revision + b")\0more"
                (self.folder / name).write_bytes(program)
            found.add(self.lab(self.plan))
        self.assertEqual(len(found), 1)

    def test_is_another_with_other_code_of_a_lab_but_not_of_a_page(self) -> None:
        code = self.folder / "vlab"
        shutil.copytree(Path(vlab.__file__).parent, code)
        with mock.patch.object(vlab, "__file__", str(code / "__init__.py")):
            before = self.lab(self.plan)
            for path, same in (("faults/page.py", True), ("machines/lab.py", False)):
                with open(code / path, "a", encoding="utf-8") as file:
                    file.write("# changed\n")
                self.assertEqual(self.lab(self.plan) == before, same, path)


if __name__ == "__main__":
    unittest.main()
