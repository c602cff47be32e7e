"""The private folder of one lab: its sockets, keys and images."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from vlab.base.errors import LabError
from vlab.base.process import INTERRUPTIONS, forking

_NEW, _HELD = "zcrx-lab-", "zcrx-run-"  # what is called _HELD and is not, nobody needs any more


@contextmanager
def run_folder() -> Iterator[Path]:
    """Gone afterwards, also when this process is killed: a janitor outlives it by a moment. It is no
    child of this process: who kills the whole tree of a job (Slurm's proctrack/linuxproc) would have
    both. Where both were killed (by their cgroup), the next janitor removes the folder.

    The janitor makes the folder too, so that there is no moment at which a folder has none.
    The path is short, because that of a UNIX socket has to fit into 107 bytes (unix(7)).
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base is None or len(base) > 40 or not os.access(base, os.W_OK):
        base = "/tmp"
    end_of_lab, lab = os.pipe()  # close-on-exec: no child of the lab holds `lab` open
    path, janitor = os.pipe()
    with forking():
        parent = os.fork()
        if parent == 0:
            if os.fork() != 0:
                os._exit(0)
            os.close(lab)
            os.close(path)
            _be_janitor(base, janitor, end_of_lab)
    os.close(end_of_lab)
    os.close(janitor)
    os.waitpid(parent, 0)
    with open(path, "rb") as told:
        folder = Path(os.fsdecode(told.readline().rstrip(b"\n")))
        try:
            if not folder.is_absolute():
                raise LabError(f"cannot make a folder in {base}")
            held = _hold(str(folder), fcntl.LOCK_SH)
            try:
                yield folder
            finally:
                os.close(held)
        finally:
            os.close(lab)
            told.read()  # until the janitor has ended


def _be_janitor(base: str, tell_path: int, end_of_lab: int) -> NoReturn:
    """Tells the path, and waits for the lab's end of the pipe to close, however that comes about."""
    try:
        os.setsid()  # not reached by a Ctrl-C meant for the lab
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):  # nobody who reads the lab's output shall wait for the janitor
            os.dup2(null, standard)
        new = tempfile.mkdtemp(prefix=_NEW, dir=base)
        _hold(new, fcntl.LOCK_SH)
        folder = os.path.join(base, os.path.basename(new).replace(_NEW, _HELD, 1))
        os.rename(new, folder)
        try:
            os.write(tell_path, os.fsencode(folder) + b"\n")
            _sweep(base)
            os.read(end_of_lab, 1)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)


def _hold(folder: str, how: int) -> int:
    """Until the descriptor is closed. A janitor and its lab share a lock: either may be killed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(base: str) -> None:
    """Removes the folders of this user that no lab and no janitor holds."""
    for path in glob.glob(os.path.join(glob.escape(base), f"{_HELD}*")):
        with suppress(OSError):  # another's, or gone meanwhile
            if os.lstat(path).st_uid == os.geteuid():
                held = _hold(path, fcntl.LOCK_EX)
                shutil.rmtree(path, ignore_errors=True)
                os.close(held)
