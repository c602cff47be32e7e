"""The private folder of one lab: its sockets, keys and images."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from vlab.base.errors import LabError
from vlab.base.process import INTERRUPTIONS, forking


@contextmanager
def run_folder() -> Iterator[Path]:
    """Gone afterwards, also when this process is killed: a janitor outlives it by a moment. It is no
    child of this process: who kills the whole tree of a job (Slurm's proctrack/linuxproc) would have
    both.

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
            yield folder
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
        folder = tempfile.mkdtemp(prefix="zcrx-lab-", dir=base)
        try:
            os.write(tell_path, os.fsencode(folder) + b"\n")
            os.read(end_of_lab, 1)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)
