"""What a guest is connected to beside the cable: devices, and what is behind them."""

from __future__ import annotations

import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.process import end, spawn
from vlab.machines.guests import DUT, HOST_LINK_V4, PEER, Guest
from vlab.machines.machine import Device

_GRACE_S = 2


def cards(guest: Guest) -> list[Device]:
    macs = {"management": guest.management_mac, "host": guest.host_mac}
    return [_card(network, mac) for network, mac in macs.items() if mac]


def networks(folder: Path, guest: Guest, ssh_socket: Path) -> list[str]:
    """QEMU's arguments for what cards() are connected to."""
    arguments = ["-netdev", _management(folder, guest)] if guest.management_mac else []
    return [*arguments, "-netdev", _host_access(ssh_socket)] if guest.host_mac else arguments


def _card(network: str, mac: str) -> Device:
    return {"driver": "virtio-net-pci", "netdev": network, "mac": mac, "romfile": ""}


def _management(folder: Path, guest: Guest) -> str:
    """The link between the guests that carries the suite's SSH: faults at the cable spare it."""
    other = PEER if guest is DUT else DUT
    link = "dgram,id=management"  # datagrams: neither end has to be there first
    for end_of_link, name in (("local", guest.name), ("remote", other.name)):
        path = folder / f"{name}-link.sock"
        link += f",{end_of_link}.type=unix,{end_of_link}.path={path}"
    return link


def _host_access(ssh_socket: Path) -> str:
    """A link of its own for the host's ssh, which comes through a UNIX socket: no port of the
    host is open, and `restrict` lets nothing out.

    It cannot share the management link: QEMU's user network answers for every address it sees.
    """
    network = "user,id=host,ipv6=off,restrict=on,net=203.0.113.0/24,host=203.0.113.2"
    return f"{network},dns=203.0.113.3,hostfwd=unix:{ssh_socket}-{HOST_LINK_V4}:22"


class Shares:
    """Folders of the host for one guest, over virtiofs: its root may do with them what this user
    may. Each is served by a process of its own, which ends with `stack`."""

    def __init__(
        self, guest: Guest, virtiofsd: list[str], folder: Path, out: Path, stack: ExitStack
    ) -> None:
        self._guest, self._virtiofsd, self._folder, self._out = guest, virtiofsd, folder, out
        self._stack = stack
        self.names: list[str] = []

    def add(self, name: str, shared: Path) -> None:
        """`shared` is /NAME in the guest."""
        log = self._stack.enter_context(
            open(self._out / f"{self._guest.name}-{name}-virtiofsd.log", "wb")
        )
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path(name)))
            listener.listen(1)
            served = ["--shared-dir", str(shared), "--fd", str(listener.fileno())]
            process = spawn(
                [*self._virtiofsd, *served, "--sandbox", "none"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()], start_new_session=True,
            )  # fmt: skip
        self._stack.callback(lambda: end(process, Deadline(_GRACE_S)))
        self.names.append(name)

    def backends(self) -> list[str]:
        return [
            word
            for name in self.names
            for word in ("-chardev", f"socket,id={name},path={self._path(name)}")
        ]

    def devices(self) -> list[Device]:
        return [
            {"driver": "vhost-user-fs-pci", "chardev": name, "tag": name} for name in self.names
        ]

    def _path(self, name: str) -> Path:
        return self._folder / f"{self._guest.name}-{name}.sock"
