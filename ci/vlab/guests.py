"""The two guests and their addresses, and the NICs that they can have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guest:
    """`management`: plain virtio-net with SSH. `nic`: the emulated NIC at the cable."""

    name: str
    management_mac: str
    management_v4: str
    nic_mac: str
    nic_v4: str
    nic_v6: str


# Addresses for documentation (RFC 5737, RFC 3849): none of them is ever routed.
DUT = Guest("dut", "02:00:5e:00:00:01", "198.51.100.1", "02:00:00:00:00:01", "192.0.2.1",
            "2001:db8:1::1")  # fmt: skip
PEER = Guest("peer", "02:00:5e:00:00:02", "198.51.100.2", "02:00:00:00:00:02", "192.0.2.2",
             "2001:db8:1::2")  # fmt: skip

# The DUT's third link, over which the host logs in.
HOST_LINK_MAC = "02:00:5e:00:00:03"
HOST_LINK_V4 = "203.0.113.1"

NET_CONFIG_PATH = "/etc/zcrx-hwtest/net.config"
# The suite's configuration, as the kernel's selftests name it.
NET_CONFIG = f"""\
NETIF=nic0
LOCAL_V4={DUT.nic_v4}
LOCAL_V6={DUT.nic_v6}
REMOTE_V4={PEER.nic_v4}
REMOTE_V6={PEER.nic_v6}
REMOTE_TYPE=ssh
REMOTE_ARGS="root@{PEER.management_v4}"
"""


@dataclass(frozen=True)
class NicKind:
    """`model` is vnic's name for it, `flavour` the Debian kernel that has its driver."""

    model: str
    module: str
    flavour: str


NICS = {
    "gve": NicKind("gve", "gve", "cloud"),
}
