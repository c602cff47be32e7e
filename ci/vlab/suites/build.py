"""Building the suite and the NIC process, beside whatever else a lab needs first."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from vlab.base import progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.locks import locked
from vlab.base.paths import BUILD, REPOSITORY
from vlab.base.process import end, spawn

_BUILD_S = 1800
PROGRAMS = ("zcrx_tests", "zcrx_sender", "zcrx_nic", "vnic")


@contextmanager
def building(folder: Path | None) -> Iterator[Callable[[], Path]]:
    """Yields what waits for the programs and returns their folder: `folder` as it is, or build/,
    which is brought up to date while the block does something else."""
    if folder is not None:
        programs_there = _checked(folder.resolve())
        yield lambda: programs_there
        return
    with alone(BUILD) as lock:
        deadline = Deadline(_BUILD_S)
        if not (BUILD / "build.ninja").exists():
            with progress.phase("configuring the build"):
                _finish(_start(lock, "cmake", "--preset", "default"), deadline)
        progress.note("building ...")
        # ninja itself, which ends its compilers when it is ended; cmake --build would leave it
        # behind. It holds the lock from here on: the block may go on for long when it is done.
        process = _start(lock, "ninja", "-C", str(BUILD), *PROGRAMS)

    def programs() -> Path:
        _finish(process, deadline)
        progress.note("built")
        return _checked(BUILD)

    try:
        yield programs
    finally:
        end(process, Deadline(1))


def alone(folder: Path) -> AbstractContextManager[int]:
    """Two builds in one folder would write into the same files. Yields what locked() does."""
    return locked(folder / ".lock", f"another build is in {folder}; waiting for it")


def _checked(folder: Path) -> Path:
    for name in PROGRAMS:
        if not (folder / name).exists():
            raise LabError(f"{folder / name} is missing")
    return folder


def _start(lock: int, *command: str) -> subprocess.Popen[bytes]:
    """Its output goes to standard error: standard output is the suite's."""
    return spawn(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=2, pass_fds=[lock])


def _finish(process: subprocess.Popen[bytes], deadline: Deadline) -> None:
    try:
        status = process.wait(deadline.remaining())
    except subprocess.TimeoutExpired:
        raise LabError(f"the build timed out after {_BUILD_S} s") from None
    finally:
        end(process, Deadline(1))
    if status != 0:
        raise LabError("the build failed; see the compiler's messages above")
