"""The folder that a run leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlab.base.errors import LabError
from vlab.base.locks import held

JUNIT = "junit.xml"


@contextmanager
def results_folder(path: Path) -> Iterator[Path]:
    """Makes `path` and holds it: two labs that write one folder would mix their logs."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "no permission to write")
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}; choose a folder with --out") from error
    with held(path, f"another lab writes {path}; choose a folder with --out"):
        yield path
