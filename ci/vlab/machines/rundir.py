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
    """Gone afterwards, also when this process is killed: a janitor outlives it by a moment.

    The janitor makes the folder too, so that there is no moment at which a folder has none.
    The path is short, because that of a UNIX socket has to fit into 107 bytes (unix(7)).
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base is None or len(base) > 40 or not os.access(base, os.W_OK):
        base = "/tmp"
    end_of_lab, lab = os.pipe()  # close-on-exec: no child of the lab holds `lab` open
    path, tell_path = os.pipe()
    with forking():
        janitor = os.fork()
        if janitor == 0:
            os.close(lab)
            os.close(path)
            _be_janitor(base, tell_path, end_of_lab)
    os.close(end_of_lab)
    os.close(tell_path)
    with open(path, "rb") as told:
        folder = Path(os.fsdecode(told.read()))
    try:
        if not folder.is_absolute():
            raise LabError(f"cannot make a folder in {base}")
        yield folder
    finally:
        os.close(lab)
        os.waitpid(janitor, 0)


def _be_janitor(base: str, tell_path: int, end_of_lab: int) -> NoReturn:
    """Waits for the lab's end of the pipe to close, however that comes about."""
    try:
        os.setsid()  # not reached by a Ctrl-C meant for the lab
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):  # nobody who reads the lab's output shall wait for the janitor
            os.dup2(null, standard)
        folder = tempfile.mkdtemp(prefix="zcrx-lab-", dir=base)
        try:
            os.write(tell_path, os.fsencode(folder))
            os.close(tell_path)
            os.read(end_of_lab, 1)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)
