"""QEMU's machine protocol (QMP): commands to a QEMU process, and the events that it tells.

Source of the format: docs/interop/qmp-spec.rst in QEMU. One JSON object a line.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Mapping
from typing import Any

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError

_ANSWER_S = 30  # an answer takes milliseconds; a busy host may be slow
_CHUNK = 1 << 16


class QmpError(LabError):
    """QEMU refused a command, or ended."""


class Qmp:
    """The lab's end of a socket pair. `qemu_end` is for the QEMU process, and closed here then."""

    def __init__(self) -> None:
        self._socket, self.qemu_end = socket.socketpair()
        self._unread = b""
        self._events: list[dict[str, Any]] = []

    def arguments(self) -> list[str]:
        descriptor = self.qemu_end.fileno()
        return ["-chardev", f"socket,id=qmp,fd={descriptor}", "-qmp", "chardev:qmp"]

    def greet(self) -> None:
        """Waits for QEMU to be there. Until then it takes no other command."""
        self.qemu_end.close()
        self._read(Deadline(_ANSWER_S))
        self.command("qmp_capabilities")

    def command(self, name: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Returns what QEMU answers. Fails with QmpError and QEMU's own sentence."""
        request = {"execute": name, "arguments": dict(arguments or {})}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise QmpError(f"QEMU ended before {name}: {error.strerror}") from error
        deadline = Deadline(_ANSWER_S)
        while "event" in (answer := self._read(deadline)):
            self._events.append(answer)
        if "error" in answer:
            raise QmpError(f"QEMU refuses {name}: {answer['error']['desc']}")
        return answer["return"]

    def event(self, name: str, deadline: Deadline) -> dict[str, Any]:
        """Waits for the next event `name`; returns its data. Others are passed over."""
        while True:
            event = self._events.pop(0) if self._events else self._read(deadline)
            if event.get("event") == name:
                data: dict[str, Any] = event.get("data", {})
                return data

    def close(self) -> None:
        self._socket.close()
        self.qemu_end.close()

    def _read(self, deadline: Deadline) -> dict[str, Any]:
        while b"\n" not in self._unread:
            if not select.select([self._socket], [], [], deadline.remaining())[0]:
                raise QmpError("QEMU does not answer")
            try:
                said = self._socket.recv(_CHUNK)
            except OSError:  # ECONNRESET: it left something of ours unread
                said = b""
            if not said:
                raise QmpError("QEMU ended")
            self._unread += said
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
