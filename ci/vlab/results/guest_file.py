"""Files in the folder that the DUT writes into, which a guest may have replaced by anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read(path: Path, most: int, since: int = 0) -> bytes:
    """At most `most` bytes of a regular file, from offset `since` on; OSError for all else.

    Neither follows a link out of the folder nor waits for the other end of a FIFO (open(2)).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(since)
            return file.read(most)
    finally:
        os.close(descriptor)
