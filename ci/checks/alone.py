"""Runs a command while nothing else builds in a folder: python3 -m checks.alone FOLDER COMMAND"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from vlab.suites import build


def main(folder: Path, command: list[str]) -> NoReturn:
    with build.alone(folder) as lock:
        os.set_inheritable(lock, True)  # the command holds it, and whatever it starts
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
