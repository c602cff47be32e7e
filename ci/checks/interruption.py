"""SIGINT, SIGTERM and SIGHUP as something to wait for beside others."""

from __future__ import annotations

import os
import signal
import socket
from types import FrameType

from vlab.base.process import INTERRUPTIONS


class Interruption:
    """A context: in it those signals end nothing. `number` is the first that came, 0 for none."""

    def __init__(self) -> None:
        self.number = 0
        self._read, self._write = socket.socketpair()

    def fileno(self) -> int:
        """Readable once one came."""
        return self._read.fileno()

    @property
    def name(self) -> str:
        return signal.Signals(self.number).name if self.number else ""

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._note) for number in INTERRUPTIONS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # A select() that was interrupted goes on (PEP 475): the handler makes its socket readable.
        if not self.number:
            self.number = number
            os.write(self._write.fileno(), b"!")
