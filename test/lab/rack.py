"""A rack for the tests of conf/slurm: a cluster whose nodes each have a NIC, with that folder's
configuration, Prolog and Epilog.

slurmd runs on this machine and not in a guest, so a pair is a veth pair in a network namespace of
the test's own: its netlink is the kernel's, and zcrx_nic is the real one. All nodes see all NICs;
which is theirs is in their files, as it would be on a node with two.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness import BUILD, REPOSITORY
from slurm_cluster import Cluster, Node, Programs, cluster

from vlab.base import cache
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.debian.tools import in_tree

CONF = REPOSITORY / "conf/slurm"
RUNNING = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED"}
_QUEUES = 4
_CLONE_NEWNET = 0x40000000
_CALL_S = 30
_libc = ctypes.CDLL(None, use_errno=True)


def move_to_own_network() -> None:
    """Moves this process, which has to have one thread, to a network namespace. Programs are fetched
    before: there is no way out afterwards."""
    Programs()
    _ethtool()
    if _libc.unshare(_CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        raise LabError(f"a rack needs a network namespace of its own: unshare: {why}")
    ip("link", "set", "lo", "up")
    # getaddrinfo(3) with AI_ADDRCONFIG, as Slurm calls it, takes loopback for no network at all.
    ip("link", "add", "uplink", "type", "veth", "peer", "name", "nowhere")
    ip("address", "add", "192.0.2.1/24", "dev", "uplink")
    ip("link", "set", "uplink", "up")
    ip("link", "set", "nowhere", "up")


def ip(*words: str) -> str:
    return capture(["ip", *words], Deadline(_CALL_S))


def _ethtool() -> list[str]:
    tree = Apt(cache.folder(), LAB_RELEASE, backports=True).tree("ethtool", ("ethtool",))
    return in_tree(tree, tree / "usr/sbin/ethtool")


def add_nic(name: str, address: str) -> None:
    queues = ("numrxqueues", str(_QUEUES), "numtxqueues", str(_QUEUES))
    words = ["link", "add", name, *queues, "address", address]
    ip(*words, "type", "veth", "peer", "name", f"{name}-peer", *queues)
    ip("link", "set", name, "up")
    ip("link", "set", f"{name}-peer", "up")


class Rack:
    """In the cluster's folder is one for each node: its files of pairs, and what is below /run."""

    def __init__(self, one: Cluster, folder: Path) -> None:
        self.cluster = one
        self.folder = folder

    def pairs(self, node: str) -> Path:
        return self.folder / node / "pairs"

    def run(self, node: str) -> Path:
        return self.folder / node / "run"

    def snapshots(self, node: str) -> list[str]:
        found = (self.run(node) / "snapshots").glob("[0-9]*")
        return sorted(path.name for path in found)

    def keep(self, nic: str) -> None:
        """Remembers how a NIC is, for difference()."""
        self.cluster.run("zcrx_nic", f"--netif={nic}", "snapshot", self.folder / f"{nic}.state")

    def difference(self, nic: str) -> str:
        try:
            self.cluster.run("zcrx_nic", f"--netif={nic}", "diff", self.folder / f"{nic}.state")
        except LabError as error:
            return str(error)
        return ""

    def submit(self, *words: str | Path) -> str:
        """Returns the number of the job."""
        return self.cluster.run("sbatch", "--parsable", *words).strip()

    def ended(self, job: str, limit_s: float = 60) -> str:
        """The job's last state."""
        self.cluster.wait(
            lambda: self.cluster.jobs().get(job) not in RUNNING, f"job {job} ends", limit_s
        )
        return self.cluster.jobs()[job]

    def reason(self, node: str) -> str:
        """Why the node is drained; "" if it is not."""
        said = self.cluster.run("scontrol", "show", "node", node)
        found = re.search(r"^ *Reason=(.*) \[", said, re.MULTILINE)
        return found[1] if found is not None and "DRAIN" in said else ""

    def drained(self, node: str) -> str:
        self.cluster.wait(lambda: self.reason(node) != "", f"{node} is drained", 60)
        return self.reason(node)


@contextmanager
def rack(
    folder: Path, gres: Mapping[str, str], settings: Mapping[str, str] | None = None
) -> Iterator[Rack]:
    """`gres`: each node's, like "zcrx:bnxt:1". `settings`: more of slurm.conf."""
    for name in gres:
        (folder / name / "pairs").mkdir(parents=True)
    programs = folder / "bin"
    programs.mkdir()
    _write_script(programs / "ethtool", f'exec {" ".join(_ethtool())} "$@"')
    for name in ("zcrx_nic", "zcrx_tests"):
        (programs / name).symlink_to(BUILD / name)
    own = {**shipped_settings(), **(settings or {})}
    for name in ("Prolog", "Epilog"):
        own[name] = str(folder / name)
        _write_script(folder / name, _ENTER.format(
            programs=programs, slurm=Programs(), folder=folder, script=CONF / f"{name.lower()}.sh",
        ))  # fmt: skip
    nodes = [Node(name, cpus=2, extra=f"Gres={one}") for name, one in gres.items()]
    with cluster(nodes, own) as one:
        one.environment["PATH"] = f"{programs}:{one.environment['PATH']}"
        yield Rack(one, folder)


# What is at its place on a node, and has none of its own in /usr, /etc, /run and /var here.
_ENTER = """\
cluster=${{SLURM_CONF%/*}}
export PATH={programs}:{slurm.tree}/usr/bin:${{PATH:+$PATH:}}/usr/sbin:/usr/bin:/sbin:/bin
export LD_LIBRARY_PATH={slurm.plugins}:$cluster/lib ZCRX_SLURM_CLUSTER=$cluster
export ZCRX_PAIRS={folder}/$SLURMD_NODENAME/pairs ZCRX_RUN={folder}/$SLURMD_NODENAME/run
export ZCRX_STATE_DIR={folder}/$SLURMD_NODENAME/journals
exec {script}
"""


def shipped_settings() -> dict[str, str]:
    """Those of the example configuration, nodes and partition apart."""
    text = (CONF / "zcrx.conf").read_text(encoding="utf-8")
    found = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    own = {key: value for key, value in found.items() if key not in ("NodeName", "PartitionName")}
    # As the cluster has it, which does without the pauses of a large one.
    own["SchedulerParameters"] += ",sched_min_interval=100000,sched_interval=1"
    return own


def _write_script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
