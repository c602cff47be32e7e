"""Slurm's commands: an array of tasks is submitted, asked for and cancelled."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture

_COMMANDS = ("sbatch", "squeue", "scancel")
_CALL_S = 60  # the commands themselves try a controller that is away for about ten seconds
_FIELDS = ("ArrayJobID", "ArrayTaskID", "State", "NodeList", "exit_code", "Reason")
_SEPARATOR = "|"
_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip
# Why a task waits until somebody releases it, though nobody has held it: a node could not begin it
# (its Prolog failed, or it has a job of that number), or it was requeued too often.
_HELD = {"launch failed requeued held", "JobHoldMaxRequeue"}
# What Slurm's commands say where the controller does not take this user's credential. Its own end
# then just closes the connection.
_CREDENTIAL = re.compile(
    r"munge|authentication|credential|Zero Bytes were transmitted", re.IGNORECASE
)


@dataclass(frozen=True)
class Entry:
    """One task as squeue shows it; `task` is None for those of an array that were never begun and
    are cancelled: they are one line. `exit_code`: as wait(2) has it."""

    array: int
    task: int | None
    state: str
    node: str
    exit_code: int
    reason: str

    @property
    def over(self) -> bool:
        return self.state in _OVER

    @property
    def held(self) -> bool:
        """By Slurm itself."""
        return self.state == "PENDING" and self.reason in _HELD

    @property
    def status(self) -> int:
        """Of what exited by itself, else 0."""
        return self.exit_code >> 8


class QueueError(LabError):
    """Slurm did not answer, or not what was asked."""


class Queue:
    """All arrays that are submitted under `name`."""

    def __init__(self, name: str) -> None:
        for command in _COMMANDS:
            if shutil.which(command) is None:
                raise LabError(f"--on slurm needs Slurm's commands: {command} is not in PATH")
        self.name = name

    def submit(
        self, script: str, tasks: Sequence[int], at_once: int, minutes: int | None
    ) -> int:
        """Returns the array's number. `minutes`: Slurm's limit of a task; None for its own."""
        command = ["sbatch", "--parsable", f"--job-name={self.name}", "--requeue", "--ntasks=1"]
        command += [f"--array={','.join(map(str, tasks))}%{at_once}", "--output=/dev/null"]
        command += [f"--time={minutes}"] * (minutes is not None)
        said = _call([*command, f"--wrap={script}"])
        found = re.match(r"(\d+)(;|$)", said.strip())  # "12", or "12;cluster"
        if found is None:
            raise QueueError(f"sbatch printed no job number: {said.strip()}")
        return int(found[1])

    def entries(self) -> list[Entry]:
        """Also of tasks that are over, until Slurm forgets them (MinJobAge)."""
        form = ",".join(f"{field}:{_SEPARATOR}" for field in _FIELDS)
        states = "--states=all"
        return parse(_call(["squeue", "--noheader", "--array", states, f"--name={self.name}", f"--Format={form}"]))

    def cancel(self, array: int | None = None, task: int | None = None) -> None:
        """A task, or everything: also an array whose number was never heard."""
        which = f"--name={self.name}" if array is None else f"{array}_{task}"
        _call(["scancel", "--quiet", which])


def parse(text: str) -> list[Entry]:
    """LabError for a line that squeue would not print."""
    found = []
    for line in text.splitlines():
        # The reason is free text, so it is the last.
        words = line.removesuffix(_SEPARATOR).split(_SEPARATOR, len(_FIELDS) - 1)
        try:
            array, task, state, node, code, reason = words
            number = None if task == "N/A" else int(task)
            found.append(Entry(int(array), number, state, node, int(code), reason))
        except ValueError:
            raise QueueError(f"squeue printed what is not a task: {line}") from None
    return found


def _call(command: Sequence[str]) -> str:
    try:
        return capture(command, Deadline(_CALL_S))
    except LabError as error:
        raise QueueError(sentence(str(error).removeprefix(f"{shlex.join(command)}: "))) from None


def sentence(said: str) -> str:
    """What a failed command of Slurm's has said, and what it means."""
    text = re.sub(r"\s*\n\s*", "; ", said)
    if _CREDENTIAL.search(text):
        return (
            "Slurm does not take this machine's credential: munged is not running here, or its key "
            f"is another cluster's ({text})"
        )
    if "Unable to contact slurm controller" in text or text.startswith("timed out"):
        return f"Slurm's controller does not answer ({text})"
    return f"Slurm refused: {text}"
