"""conf/faults.toml lists what vnic has: names, NICs, arguments and commands."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[3]
_VNIC = os.environ["VNIC"]


def _ask(request: str) -> str:
    with tempfile.TemporaryDirectory(prefix="vnic-") as folder:
        command = [_VNIC, "--control", f"{folder}/control"]
        command += ["--port", f"name=dut,socket={folder}/dut,model=gve,mac=02:00:00:00:00:01"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as vnic:
            assert vnic.stdin is not None and vnic.stdout is not None
            vnic.stdout.readline()
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(f"{folder}/control")
                control.sendall(f"{request}\n".encode())
                answer = control.makefile().readline()
            vnic.stdin.close()
    return answer.strip()


class FaultList(unittest.TestCase):
    def test_is_that_of_the_file(self) -> None:
        content = tomllib.loads((_PROJECT / "conf/faults.toml").read_text(encoding="utf-8"))
        entries = []
        for fault in content["fault"]:
            argument = f"={fault['argument']}" if "argument" in fault else ""
            entries.append(" ".join([f"{fault['name']}{argument}", *sorted(fault["nics"])]))
        commands = {}
        for nic, lists in content["commands"].items():
            commands[nic] = {f"{name}*" for name in lists["restart"]} | set(lists["other"])

        status, _, told = _ask("faults").partition(" ")

        self.assertEqual(status, "ok")
        *listed, bnxt, gve = told.split("; ")
        self.assertEqual(listed, entries)
        for nic, line in (("bnxt", bnxt), ("gve", gve)):
            self.assertEqual(line.split()[:2], ["commands", nic])
            self.assertEqual(set(line.split()[2:]), commands[nic])


if __name__ == "__main__":
    unittest.main()
