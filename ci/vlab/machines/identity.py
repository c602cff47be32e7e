"""What makes a guest the one it is: its settings, which it boots with, and the keys of one lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.machines import cpio
from vlab.machines.guests import CONFIG_PATHS, HOST_LINK_V4, Guest, net_config
from vlab.machines.ssh import Key


def settings(guest: Guest) -> bytes:
    """What /etc/lab/boot reads; the same in every lab."""
    values = {
        "NAME": guest.name,
        "MANAGEMENT_MAC": guest.management_mac,
        "MANAGEMENT_V4": guest.management_v4,
        "HOST_LINK_MAC": guest.host_mac,
        "HOST_LINK_V4": HOST_LINK_V4,
    }
    archive = cpio.Archive()
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    archive.file("etc/lab/guest", text.encode())
    return archive.finish()


def cards(guest: Guest, count: int) -> bytes:
    """Which NICs the guest has in one lab, for /etc/lab/boot, and the suite's configurations."""
    archive = cpio.Archive()
    lines = [f"nic{at} {port.mac} {port.v4} {port.v6}" for at, port in enumerate(guest.ports[:count])]
    archive.file("etc/lab/nics", "".join(f"{line}\n" for line in lines).encode())
    if guest.is_dut:
        for at, path in enumerate(CONFIG_PATHS[:count]):
            archive.file(path, net_config(at).encode())
    return archive.finish()


@dataclass(frozen=True)
class Keys:
    """`user` logs in to the DUT from outside, `dut_user` to the peer from the DUT."""

    user: Key
    dut_user: Key
    hosts: Mapping[Guest, Key]

    @classmethod
    def fresh(cls, folder: Path, guests: Sequence[Guest]) -> Keys:
        hosts = {guest: Key(folder, f"{guest.name}-host") for guest in guests}
        return cls(Key(folder, "user"), Key(folder, "dut-user"), hosts)

    @property
    def dut(self) -> Key:
        """The host key of the DUT."""
        return next(key for guest, key in self.hosts.items() if guest.is_dut)

    def files(self, guest: Guest) -> bytes:
        archive = cpio.Archive()
        archive.file("etc/lab/ssh_host_ed25519_key", self.hosts[guest].private, 0o600)
        authorized = self.user if guest.is_dut else self.dut_user
        archive.file("etc/lab/authorized_keys", authorized.public)
        if guest.is_dut:
            archive.file("root/.ssh/id_ed25519", self.dut_user.private, 0o600)
            known = [
                f"{other.management_v4} ".encode() + key.public
                for other, key in self.hosts.items()
                if other is not guest
            ]
            archive.file("root/.ssh/known_hosts", b"".join(known))
        return archive.finish()
