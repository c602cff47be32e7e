"""The guests of a lab and their addresses, and the NICs that they can have."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vlab.base.nodev import NO_NIC


@dataclass(frozen=True)
class Port:
    """An emulated NIC at its cable."""

    mac: str
    v4: str
    v6: str


@dataclass(frozen=True)
class Guest:
    """`host`: the link over which the host logs in. `management`: plain virtio-net with SSH. Neither
    is there without a MAC. `ports`: for the emulated NICs that a lab may have, nic0 and nic1."""

    name: str
    cpus: int
    memory_mib: int
    host_mac: str = ""
    management_mac: str = ""
    management_v4: str = ""
    ports: Sequence[Port] = ()

    @property
    def is_dut(self) -> bool:
        """The device under test: what users log in to, and the suite runs on."""
        return bool(self.host_mac)


# Addresses for documentation (RFC 5737, RFC 3849) and benchmarks (RFC 2544): none is ever routed.
DUT = Guest(
    name="dut",
    cpus=2,
    memory_mib=768,  # huge pages for two areas of 64 MiB among it
    host_mac="02:00:5e:00:00:03",
    management_mac="02:00:5e:00:00:01",
    management_v4="198.51.100.1",
    ports=(
        Port("02:00:00:00:00:01", "192.0.2.1", "2001:db8:1::1"),
        Port("02:00:00:00:01:01", "198.18.0.1", "2001:db8:2::1"),
    ),
)
PEER = Guest(
    name="peer",
    cpus=1,  # it only sends; under emulation a second CPU would cost it a second to boot
    memory_mib=384,
    management_mac="02:00:5e:00:00:02",
    management_v4="198.51.100.2",
    ports=(
        Port("02:00:00:00:00:02", "192.0.2.2", "2001:db8:1::2"),
        Port("02:00:00:00:01:02", "198.18.0.2", "2001:db8:2::2"),
    ),
)
# The DUT without a cable and without a peer.
ALONE = replace(DUT, management_mac="", management_v4="", ports=())

HOST_LINK_V4 = "203.0.113.1"

NET_CONFIG_PATH = "/etc/zcrx-hwtest/net.config"
# Of nic0 and nic1.
CONFIG_PATHS = (NET_CONFIG_PATH, "/etc/zcrx-hwtest/nic1.config")


def net_config(number: int) -> str:
    """The suite's configuration for a NIC, as the kernel's selftests name it."""
    local, remote = DUT.ports[number], PEER.ports[number]
    return f"""\
NETIF=nic{number}
LOCAL_V4={local.v4}
LOCAL_V6={local.v6}
REMOTE_V4={remote.v4}
REMOTE_V6={remote.v6}
REMOTE_TYPE=ssh
REMOTE_ARGS="root@{PEER.management_v4}"
ZCRX_PROMISED=removal
"""


@dataclass(frozen=True)
class NicKind:
    """`model` is vnic's name for it, `flavour` the Debian kernel that has its driver. `denies`: what
    tests skip there, as a part of their names and a word of their evidence; everything else passes.

    The others are for scripts in the guests. `channels`: the words of ethtool -L for its queues.
    `rings`: sizes "RX,TX" that it takes, the last as it is used. `mtu`: its largest, at most 9000.
    `places_rules`: a flow rule's number has to be given. `arfs`: its driver has flows follow those who
    read them. `queue_bytes`: what sed removes from the lines of ethtool -S that say how much a
    receive queue has received, in their order."""

    model: str
    module: str
    flavour: str
    channels: Sequence[str]
    rings: Sequence[str]
    mtu: int
    places_rules: bool
    arfs: bool
    queue_bytes: str
    denies: Mapping[str, str] = field(default_factory=dict)

    guests = (DUT, PEER)
    config = net_config(0)  # for the suite

    @property
    def modules(self) -> Sequence[str]:
        return [self.module]

    def for_scripts(self) -> str:
        """Variables of a shell."""
        contexts = "/rss_context" not in self.denies
        large_chunks = "ZcrxLargeChunks." not in self.denies
        values = {
            "module": self.module, "channels": " ".join(self.channels),
            "rings": " ".join(self.rings), "jumbo": str(self.mtu),
            "places_rules": "yes" * self.places_rules, "arfs": "yes" * self.arfs,
            "queue_bytes": self.queue_bytes,
            "contexts": "yes" * contexts, "large_chunks": "yes" * large_chunks,
        }  # fmt: skip
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


NICS = {
    "gve": NicKind(
        "gve", "gve", "cloud",
        channels=["rx", "tx"],
        rings=["2048,1024", "1024,1024", "512,512"],
        mtu=8896,
        places_rules=True,
        arfs=False,
        queue_bytes=r" *rx_bytes\[[0-9]*\]: ",
        denies={
            "/rss_context": "EOPNOTSUPP",
            "ZcrxLargeChunks.": "EOPNOTSUPP",
            "/chunks_": "EOPNOTSUPP",
            "/flow_rule_2_pages": "EOPNOTSUPP",
            "/hds_thresh": "hds-threshold",
            "ZcrxHeaderLength.MakesNoDifferenceToThePayload/ipv6_": "CHECKSUM_NONE",
        },
    ),
    "bnxt": NicKind(
        "bnxt", "bnxt_en", "full",
        channels=["combined"],
        rings=["64,512", "511,1023", "2047,2047", "300,600", "511,511"],
        mtu=9000,
        places_rules=False,
        arfs=True,
        queue_bytes=r" *\[[0-9]*\]: rx_ucast_bytes: ",
    ),
    "mlx5": NicKind(
        "mlx5", "mlx5_core", "cloud",
        channels=["combined"],
        rings=["64,64", "512,256", "2048,2048", "8192,1024", "1024,1024"],
        mtu=9000,
        places_rules=True,
        arfs=True,
        queue_bytes=r" *rx[0-9][0-9]*_bytes: ",
        denies={"/hds_thresh": "hds-threshold"},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class NoNic:
    """What a lab without a NIC has in place of all that: nothing. It is one guest, for tests that
    need no NIC."""

    flavour = "cloud"
    guests = (ALONE,)
    config = ""
    modules = ()


Kind = NicKind | NoNic
KINDS: Mapping[str, Kind] = {**NICS, NO_NIC: NoNic()}
