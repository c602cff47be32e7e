"""The process that emulates a NIC of each guest and the cable between them (ci/vnic)."""

from __future__ import annotations

import select
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import end, spawn
from vlab.machines.guests import Guest, NicKind
from vlab.machines.machine import Device

_START_S = 10
_GRACE_S = 2
_ANSWER_S = 10


class NicProcess:
    """`cable`: the NIC of each guest. `number`: of the NIC in its guest."""

    def __init__(
        self, program: Path, cable: Mapping[Guest, NicKind], folder: Path, log: Path, number: int = 0
    ) -> None:
        self._folder = folder
        self._number = number
        command: list[str | Path] = [program]
        for guest, kind in cable.items():
            port = f"name={guest.name},socket={self.socket(guest)},model={kind.model}"
            command += ["--port", f"{port},mac={guest.ports[number].mac}"]
        self._control = folder / ("control.sock" if number == 0 else f"control{number}.sock")
        command += ["--control", self._control, "--log", log]
        self._process = spawn(
            command,
            stdin=subprocess.PIPE,  # the process ends at its end of file
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is the lab's to handle
        )
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def socket(self, guest: Guest) -> Path:
        return self._folder / f"{guest.name}-nic{self._number}.sock"

    def device(self, guest: Guest) -> Device:
        """The NIC of `guest`."""
        address = {"type": "unix", "path": str(self.socket(guest))}
        return {"driver": "vfio-user-pci", "socket": address}

    def wait_ready(self) -> None:
        output = self._process.stdout
        assert output is not None
        deadline = Deadline(_START_S)
        if not select.select([output], [], [], deadline.remaining())[0]:
            raise LabError(f"the NIC process did not start in {_START_S} s; see {self._log}")
        if output.readline() != b"READY\n":
            raise LabError(f"the NIC process ended at its start; see {self._log}")

    def control(self, request: str) -> str:
        """What the process answers to one request (ci/vnic/control.h), without its "ok"."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_ANSWER_S)
                client.connect(str(self._control))
                client.sendall(f"{request}\n".encode())
                with client.makefile("r", encoding="utf-8") as answers:
                    answer = answers.readline()
        except OSError as error:
            raise LabError(f"the NIC process does not answer '{request}': {error}") from error
        verdict, _, rest = answer.rstrip("\n").partition(" ")
        if verdict != "ok":
            raise LabError(f"the NIC process refuses '{request}': {rest}")
        return rest

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        end(self._process, Deadline(_GRACE_S))
