"""The private folder of one lab: its sockets, keys and images."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_folder() -> Iterator[Path]:
    """Gone afterwards, also when this process is killed: a janitor outlives it by a moment.

    The path is short, because that of a UNIX socket has to fit into 107 bytes (unix(7)).
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base is None or len(base) > 40 or not os.access(base, os.W_OK):
        base = "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="zcrx-lab-", dir=base))
    end_of_lab, lab = os.pipe()  # close-on-exec: no child of the lab holds `lab` open
    janitor = os.fork()
    if janitor == 0:
        os.close(lab)
        _clean_up_after(end_of_lab, folder)
    os.close(end_of_lab)
    try:
        yield folder
    finally:
        os.close(lab)
        os.waitpid(janitor, 0)


def _clean_up_after(end_of_lab: int, folder: Path) -> None:
    """Waits for the lab's end of the pipe to close, however that comes about."""
    try:
        os.setsid()  # not reached by a Ctrl-C meant for the lab
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):  # nobody who reads the lab's output shall wait for the janitor
            os.dup2(null, standard)
        os.read(end_of_lab, 1)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)
