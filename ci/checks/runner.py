"""One step that runs: its output, its log, its limit, its seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from checks.step import Result, Step
from vlab.base.deadline import Deadline
from vlab.base.paths import REPOSITORY
from vlab.base.process import spawn
from vlab.results.outcome import Outcome

_MOST_BYTES = 1 << 16
_NICE = 19  # of a step in the background
# For a step's processes to end in order: ci/lab takes its labs down within 10.
_GRACE_S = 15.0
_ENDING_S = 60.0  # in which the supervisor is done


class Job:
    """`output` is readable when the step says something, `ended` when it is over."""

    def __init__(self, step: Step, log: Path, check_began: float) -> None:
        self.step = step
        self.log = log
        self._begin = time.monotonic()
        gone = 0.0 if step.due_s is None else self._begin - check_began
        self._deadline = Deadline(step.limit - gone)
        self._why = ""
        supervisor = [sys.executable, "-m", "checks.supervisor", str(_GRACE_S),
                      str(_NICE if step.background else 0)]  # fmt: skip
        self._file = open(log, "wb")
        self._process = spawn(
            [*supervisor, json.dumps(step.commands)], cwd=REPOSITORY,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is handled by the check
        )  # fmt: skip
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.output, False)
        self.ended = os.pidfd_open(self._process.pid)

    def hear(self) -> bytes:
        """What the step says now; b"" for nothing."""
        try:
            said = os.read(self.output, _MOST_BYTES)
        except BlockingIOError:
            return b""
        self._file.write(said)
        self._file.flush()
        return said

    def remaining(self) -> float:
        """Seconds until check_limit() has something to do."""
        return self._deadline.remaining()

    def check_limit(self) -> None:
        if self._deadline.remaining() > 0.0:
            return
        if self._why:
            self._send(signal.SIGKILL)
        limit = f"{self.step.limit:g} s"
        late = f"was not done {limit} into the check"
        if self.step.due_s is None:
            late = f"took more than {limit}"
        self.end(f"{late} and was ended")

    def end(self, why: str) -> None:
        """Begins to end it."""
        if not self._why:
            self._why = why
            self._deadline = Deadline(_ENDING_S)
            self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        """Not Popen's: it reaps a process that has ended, which finish() does."""
        signal.pidfd_send_signal(self.ended, number)

    def finish(self) -> Result:
        """For one that has ended and said all."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = status = os.waitstatus_to_exitcode(status)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._file.close()
        os.close(self.ended)
        why = self._why or (f"exit status {status}" if status else "")
        return Result(
            self.step.name,
            Outcome.FAILED if why else Outcome.PASSED,
            why,
            time.monotonic() - self._begin,
            usage.ru_utime + usage.ru_stime,
            blocks=bool(why),
        )
