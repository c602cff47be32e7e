"""Rows of the table that earlier calls have left: a table of hours goes on where it was cut off."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import vlab
from vlab.base import cache
from vlab.faults import detection
from vlab.faults.detection import FaultRun
from vlab.machines.lab import Plan
from vlab.suites.build import PROGRAMS

# What a commit changes in a program that does the same: --version, and the linker's checksum.
_REVISION = re.compile(
    rb" \([0-9a-f]{12}\)\x00|\x04\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00GNU\x00.{20}", re.DOTALL
)
_PARTS = ("base", "debian", "kernels", "machines", "results", "suites")


@dataclass(frozen=True)
class Kept:
    """In `folder`, a file for each row. `lab`: what all of them were found with."""

    folder: Path
    lab: str

    def find(self, name: str, ran: str) -> FaultRun | None:
        """The row that `ran` has led to in the same lab; None also for one that cannot be read."""
        try:
            whole = json.loads(self._path(name).read_text(encoding="utf-8"))
            return detection.of_fields(whole["row"]) if whole["of"] == self._of(ran) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def add(self, ran: str, row: FaultRun) -> None:
        text = json.dumps({"of": self._of(ran), "row": detection.fields(row)})
        cache.write(self._path(row.fault), text + "\n")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _of(self, ran: str) -> str:
        return hashlib.sha256(f"{self.lab}\n{ran}".encode()).hexdigest()


def of(folder: Path, plan: Plan) -> Kept:
    """For labs of `plan`: the same guests, kernel, programs and lab, wherever their files are."""
    digest = hashlib.sha256(repr(replace(plan, build=Path(), out=Path(), share=None)).encode())
    for path in (plan.kernel.image, *plan.kernel.modules):
        found = path.stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    for path in _code():
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name in PROGRAMS:
        program = _REVISION.sub(b"", (plan.build / name).read_bytes())
        digest.update(hashlib.sha256(program).digest())
    return Kept(folder, digest.hexdigest())


def _code() -> list[Path]:
    """What a lab is made of and runs, and not what only tells of rows."""
    own = Path(vlab.__file__).parent
    files = [path for part in _PARTS for path in (own / part).rglob("*") if path.suffix != ".pyc"]
    return [*sorted(path for path in files if path.is_file()), own / "faults/fault_lab.py"]
