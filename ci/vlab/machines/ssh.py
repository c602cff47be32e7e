"""Keys of one run, and the host's way into the DUT: the stock ssh over a UNIX socket."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.process import capture

_CONNECT = Path(__file__).resolve().parent / "connect.py"


class Key:
    """A fresh ed25519 key pair."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        kind = ["-q", "-t", "ed25519", "-N", "", "-C", name]
        capture(["ssh-keygen", *kind, "-f", self.path], Deadline(10))
        self.private = self.path.read_bytes()
        self.public = self.path.with_suffix(".pub").read_bytes()


class Access:
    """Runs commands in the guest behind `socket`; its host key is known in advance."""

    def __init__(self, socket: Path, key: Key, host_key: Key) -> None:
        known_hosts = key.path.parent / "known_hosts"
        known_hosts.write_bytes(b"dut " + host_key.public)
        # ssh hands this to a shell, after it has replaced %-sequences.
        connect = shlex.join([sys.executable, str(_CONNECT), str(socket)]).replace("%", "%%")
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "30",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": key.path,
            "KexAlgorithms": "curve25519-sha256",
            "LogLevel": "ERROR",
            "ProxyCommand": connect,
            "ProxyUseFdpass": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": known_hosts,
        }
        self._ssh = ["ssh", "-F", "none"]
        for name, value in options.items():
            self._ssh += ["-o", f"{name}={value}"]

    def command(self, words: Sequence[str], *, terminal: bool = False) -> list[str]:
        """The command line that runs `words`, unchanged by any shell; a login shell if empty."""
        line = [*self._ssh, "-tt" if terminal else "-T", "root@dut"]
        return [*line, shlex.join(words)] if words else line
