"""Child processes that do not outlive the lab."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def forking() -> Iterator[set[int]]:
    """Keeps interruptions waiting while the block forks; yields the signals blocked before.

    Python runs hooks around a fork (os.register_at_fork()), of the standard library too, and drops
    whatever they raise: an interruption that comes then would be lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        yield {int(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_child(parent: int, blocked: set[int], last: int) -> Callable[[], None]:
    """For preexec_fn: the program hears interruptions, and the kernel sends it `last` when its parent
    ends, however that ends.

    prctl(2): the signal comes when the *thread* that forked ends, so the lab forks from its main
    thread only. A parent that ended before the call is seen by the second check.
    """

    def prepare() -> None:
        for number in INTERRUPTIONS:
            if callable(signal.getsignal(number)):  # ours; the program inherits only "ignored"
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _libc.prctl(_PR_SET_PDEATHSIG, last, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def spawn(
    command: Sequence[str | Path], *, last: int = signal.SIGKILL, **options: Any
) -> subprocess.Popen[bytes]:
    """Starts `command` so that it dies with this process, by the signal `last`; `options` are those
    of Popen."""
    words = [str(word) for word in command]
    try:
        with forking() as blocked:
            prepare = _in_child(os.getpid(), blocked, last)
            return subprocess.Popen(words, preexec_fn=prepare, **options)
    except OSError as error:
        raise LabError(f"cannot start {words[0]}: {error.strerror}") from error


def end(process: subprocess.Popen[bytes], grace: Deadline) -> None:
    """SIGTERM, and SIGKILL for what is still there at the end of `grace`. Reaps."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=grace.remaining())
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def capture(command: Sequence[str | Path], deadline: Deadline, **options: Any) -> str:
    """Returns standard output. LabError, with standard error, for a command that fails."""
    words = [str(word) for word in command]
    process = spawn(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    try:
        out, err = process.communicate(timeout=deadline.remaining())
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise LabError(f"timed out after {deadline.seconds:g} s: {shlex.join(words)}") from None
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode != 0:
        said = err.decode(errors="replace").strip() or f"exit status {process.returncode}"
        raise LabError(f"{shlex.join(words)}: {said}")
    return out.decode(errors="replace")
