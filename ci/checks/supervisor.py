"""Runs the commands of one step and outlives everything that they start.

`python3 -m checks.supervisor GRACE NICE COMMANDS`: seconds that processes have to end, their
niceness, and argument vectors in JSON.

The kernel hands this process the orphans of its descendants (PR_SET_CHILD_SUBREAPER). So it knows
when the last of them is gone, can end them all, and has used, at its own end, the CPU time of all.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import INTERRUPTIONS, spawn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CANNOT_START = 127  # as in a shell
_KILL_S = 10.0
_AWAITED = {*INTERRUPTIONS, signal.SIGCHLD}
_LOOK_AGAIN_S = 1.0  # nothing tells of an orphan that was handed over


def main(grace_s: float, niceness: int, commands: list[list[str]]) -> int:
    if niceness:
        _be_nice(niceness)
    for number in INTERRUPTIONS:
        signal.signal(number, _leave)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Instead of the SIGKILL that spawn() asked for, which would leave the descendants.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    try:
        status = next(filter(None, map(_run, commands)), 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if not _all_ended(Deadline(grace_s)):  # a guardian outlives its test by a moment
            left = "; ".join(f"process {pid} ({_command_line(pid)})" for pid in children())
            _say(f"left running, and ended now: {left}")
            status = status or 1
    finally:
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if not _all_ended(Deadline(grace_s), signal.SIGTERM):
            if not _all_ended(Deadline(_KILL_S), signal.SIGKILL):
                _say(f"cannot be killed: {children()}")
    return status


def _be_nice(niceness: int) -> None:
    """To all sessions: with autogroups (sched(7)) a process is nice within its own session alone,
    and the session as a whole by a file of its own."""
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    with contextlib.suppress(OSError):  # no such file without autogroups
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a ci/check that was killed does not read it
        print(text, flush=True)


def _run(command: list[str]) -> int:
    """The exit status, 128 + N for signal N. Orphans are reaped as they end."""
    try:
        process = spawn(command, stdin=subprocess.DEVNULL, process_group=0)
    except LabError as error:
        _say(str(error))
        return _CANNOT_START
    # Not os.wait(): a signal that comes just before it goes to sleep does not wake it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == process.pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode if process.returncode >= 0 else 128 - process.returncode
            if pid == 0 and (number := signal.sigwait(_AWAITED)) != signal.SIGCHLD:
                _leave(number, None)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _all_ended(deadline: Deadline, number: signal.Signals | None = None) -> bool:
    """Sends each descendant the signal, if one is given, and waits until all are gone.

    A child is told with its process group, its descendants outside of that once they are orphans:
    their parents may want to end them in order. Expects SIGCHLD to be blocked.
    """
    told: set[int] = set()
    while not _reaped_all():
        for pid in children() if number is not None else []:
            if number is not None and pid not in told:
                told.add(pid)
                _signal(pid, number)
        if deadline.remaining() == 0.0:
            return False
        signal.sigtimedwait({signal.SIGCHLD}, min(_LOOK_AGAIN_S, deadline.remaining()))
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _reaped_all() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        return True
    return False


def children() -> list[int]:
    """Not /proc/PID/task/TID/children, which not every kernel has."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                # The name in parentheses may hold anything; two fields after it is the parent.
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        return b" ".join(words).decode(errors="replace")
    return "gone"


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])))
