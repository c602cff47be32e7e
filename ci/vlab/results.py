"""The folder that a run leaves behind, and what the JUnit file in it says."""

from __future__ import annotations

import fcntl
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlab.errors import LabError

JUNIT = "junit.xml"


@contextmanager
def results_folder(path: Path) -> Iterator[Path]:
    """Makes `path` and holds it: two labs that write one folder would mix their logs."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "no permission to write")
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}; choose a folder with --out") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    except BlockingIOError:
        raise LabError(f"another lab writes {path}; choose a folder with --out") from None
    finally:
        os.close(descriptor)


def summary(*junits: Path) -> str:
    """ "5 passed, 2 skipped, 0 failed", of all these files together."""
    skipped = failed = total = 0
    for junit in junits:
        try:
            cases = list(ElementTree.parse(junit).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            return f"cannot be read ({error})"
        total += len(cases)
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
    return f"{total - failed - skipped} passed, {skipped} skipped, {failed} failed"
