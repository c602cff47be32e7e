"""Building the suite and the NIC process."""

from __future__ import annotations

import subprocess
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.paths import BUILD, REPOSITORY
from vlab.base.process import end, spawn

_BUILD_S = 1800
_TARGETS = ("zcrx_tests", "zcrx_sender", "zcrx_nic", "vnic")


def programs(folder: Path | None) -> Path:
    """The folder with the programs: `folder` as it is, or build/, brought up to date."""
    if folder is None:
        folder = BUILD
        with progress.phase("building"):
            if not (BUILD / "build.ninja").exists():
                _cmake("--preset", "default")
            _cmake("--build", str(BUILD), "--target", *_TARGETS)
    for name in _TARGETS:
        if not (folder / name).exists():
            raise LabError(f"{folder / name} is missing")
    return folder


def _cmake(*arguments: str) -> None:
    """Its output goes to standard error: standard output is the suite's."""
    process = spawn(["cmake", *arguments], cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=2)
    try:
        status = process.wait(Deadline(_BUILD_S).remaining())
    except subprocess.TimeoutExpired:
        raise LabError(f"the build took more than {_BUILD_S} s and was ended") from None
    finally:
        end(process, Deadline(1))
    if status != 0:
        raise LabError("the build failed; what the compiler said stands above")
