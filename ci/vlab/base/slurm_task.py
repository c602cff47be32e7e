"""What a node runs of an array: one job, each time in a folder of its own (see slurm.py).

python3 -m vlab.base.slurm_task FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from vlab.base import cache, pool
from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.pool import Ended, Job

JOBS, STATUS, BEAT, LOG, OUT, STDOUT, STDERR = "jobs.json", "status", "beat", "log", "out", "stdout", "stderr"  # fmt: skip
# Exit status: this and the errno with which the folder did not take the result. A full disk takes no
# message, and a signal is not an exit status to Slurm.
CANNOT_WRITE = 128
BEAT_S = 4.0


@dataclass(frozen=True, order=True)
class Attempt:
    """One time that a task was begun: the array's number and how often Slurm had requeued it."""

    task: int
    array: int
    restart: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Attempt:
        names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_JOB_ID", "SLURM_RESTART_COUNT")
        task, array, restart = (int(environment.get(name, "0")) for name in names)
        return cls(task, array, restart)

    @classmethod
    def named(cls, name: str) -> Attempt | None:
        """None for a name that is none of an attempt's."""
        words = name.split(".")
        if len(words) != 3 or not all(word.isdecimal() for word in words):
            return None
        return cls(*map(int, words))

    def __str__(self) -> str:
        return f"{self.task}.{self.array}.{self.restart}"


def dump(jobs: Sequence[Job]) -> str:
    def plain(job: Job) -> dict[str, Any]:
        return {
            "name": job.name,
            "command": list(job.command),
            "limit_s": job.limit_s,
            "log": job.log and str(job.log),
            "folder": job.folder and str(job.folder),
        }

    return json.dumps([plain(job) for job in jobs])


def _job(text: str, number: int, attempt: Path) -> Job:
    """What the attempt runs: its folder and its log in place of the job's."""
    one = json.loads(text)[number]
    command = [str(attempt / OUT) if word == one["folder"] else word for word in one["command"]]
    log = attempt / LOG if one["log"] else None
    return Job(one["name"], command, one["limit_s"], log)


def _run(job: Job) -> Ended:
    try:
        (ended,) = pool.run([job], 1)
        return ended
    except (LabError, OSError) as error:  # the node lacks the program, or what it takes to run it
        return Ended(job, EXIT_LAB, 0.0, str(error))


def _beat(path: Path, over: threading.Event) -> None:
    """Until the job is over: a task whose beat stops has died, whatever Slurm believes. A time takes
    no room on a disk that is full. One that a file server does not take is made up by the next."""
    while not over.wait(BEAT_S):
        with suppress(OSError):
            os.utime(path)


def _own_folder(folder: Path, attempt: Attempt) -> Path:
    """A controller that was killed may begin a task again and not know that it does."""
    while True:
        mine = folder / str(attempt)
        try:
            mine.mkdir()
            return mine
        except FileExistsError:
            attempt = replace(attempt, restart=attempt.restart + 1)


def main(folder: Path) -> int:
    attempt = Attempt.of(os.environ)
    node = os.environ.get("SLURMD_NODENAME", "")
    signal.signal(signal.SIGTERM, _leave)
    try:
        mine = _own_folder(folder, attempt)
        for name, descriptor in ((STDOUT, 1), (STDERR, 2)):
            with open(mine / name, "wb") as file:
                os.dup2(file.fileno(), descriptor)
        job = _job((folder / JOBS).read_text(encoding="utf-8"), attempt.task, mine)
        (mine / BEAT).touch()
        over = threading.Event()
        threading.Thread(target=_beat, args=(mine / BEAT, over), daemon=True).start()
        ended = _run(replace(job, folder=None))
        over.set()
        told = {"status": ended.status, "seconds": ended.seconds, "trouble": ended.trouble, "node": node}  # fmt: skip
        cache.write(mine / STATUS, json.dumps(told))
    except OSError as error:
        return CANNOT_WRITE + (error.errno or 0)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Cancelled or requeued: the job ends, and this attempt has no status."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
