"""A Slurm cluster of plain daemons on this machine, in a folder of its own: no systemd, no cgroups,
nothing in /etc, a munge key and ports of its own.

The programs are Debian's, unpacked: installing the packages would start services.
"""

from __future__ import annotations

import os
import pwd
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vlab.base import cache
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture, end, spawn
from vlab.debian.apt import Apt, host_release

_PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_MARKER = "ZCRX_SLURM_CLUSTER"  # in the environment of daemons and jobs: the cluster's folder
_START_S, _STOP_S, _CALL_S = 60, 20, 30
_CREDENTIAL_S = 10
_POLL_S = 0.1  # Slurm's daemons announce nothing that could be waited for
_PORTS = range(10000, 32000)  # below those that the kernel gives to connections
_LOG_LINES = 40
# The first release that goes without cgroups when told so. Earlier ones load a plugin in any case:
# this one touches no cgroup before a plugin that uses them asks it to, and none is chosen below.
_CGROUPS_DISABLED_SINCE = (23, 11)
_CGROUP_PLUGINS = {True: "disabled", False: "cgroup/v1"}
# Of slurm.conf, wherever a cluster is and whatever its nodes are.
PLAIN: Mapping[str, object] = {
    "AuthType": "auth/munge",
    "CredType": "cred/munge",
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "JobAcctGatherType": "jobacct_gather/none",
    "SwitchType": "switch/none",
    "MpiDefault": "none",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core",
    "SchedulerParameters": "sched_min_interval=100000,sched_interval=1",  # us, s
    "SlurmdParameters": "config_overrides",  # a node has as many CPUs as a test says
    "ReturnToService": 2,
    "KillWait": 15,
}


@dataclass(frozen=True)
class Node:
    """One slurmd. `extra`: the rest of its line in slurm.conf, like "Gres=zcrx:bnxt:1 Feature=bnxt".
    `within`: a command that starts it, like unshare(1)."""

    name: str
    cpus: int = 1
    extra: str = ""
    within: Sequence[str] = ()


class Programs:
    """Slurm and munge, unpacked in the lab's cache."""

    def __init__(self) -> None:
        release = host_release()
        if release is None:
            raise LabError("a Slurm of this system's release is unpacked on Debian only")
        self.tree = Apt(cache.folder(), release, backports=False).tree("slurm", _PACKAGES)
        self.plugins = self.tree / _LIBRARIES / "slurm-wlm"

    def daemons(self, folder: Path) -> None:
        """Fills `folder` with links. Debian's slurmd is slurmd-wlm until the package's scripts have
        run, and called so, Slurm 22.05 does not know itself: slurmctld then ignores Gres."""
        folder.mkdir()
        for name in ("munged", "slurmctld", "slurmd", "slurmstepd"):
            paths = (self.tree / "usr/sbin" / name, self.tree / "usr/sbin" / f"{name}-wlm")
            (folder / name).symlink_to(next((path for path in paths if path.exists()), paths[0]))

    def libraries(self, folder: Path) -> list[Path]:
        """Folders for LD_LIBRARY_PATH. In `folder` are links to what this system lacks: others of
        the tree, the C library first, may be older than the system's loader."""
        folder.mkdir()
        for library in (self.tree / _LIBRARIES).glob("*.so.*"):
            if not (Path("/") / _LIBRARIES / library.name).exists():
                (folder / library.name).symlink_to(library)
        return [self.plugins, folder]


class Cluster:
    """`environment` is for whoever uses the cluster: it finds sbatch and the others, and they find
    the cluster."""

    def __init__(
        self, folder: Path, nodes: Sequence[Node], settings: Mapping[str, str],
        files: Mapping[str, str], ports: Sequence[int],
    ) -> None:  # fmt: skip
        self.folder = folder
        self.nodes = {node.name: node for node in nodes}
        self.configuration = folder / "slurm.conf"
        self.socket = folder / "munge/socket"
        self.programs = Programs()
        self.programs.daemons(folder / "sbin")
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = dict(zip(("slurmctld", *self.nodes), ports, strict=True))
        libraries = self.programs.libraries(folder / "lib")
        self.environment = {
            **os.environ,
            _MARKER: str(folder),
            "PATH": f"{self.programs.tree / 'usr/bin'}:{os.environ['PATH']}",
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "SLURM_CONF": str(self.configuration),
        }
        for name in ("munge", "state", "log"):
            (folder / name).mkdir()
        key = folder / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        (folder / "cgroup.conf").write_text(f"CgroupPlugin={self._cgroup_plugin()}\n")
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.configuration.write_text(self._settings(settings), encoding="utf-8")

    def run(self, *command: str | Path, limit_s: float = _CALL_S) -> str:
        """What one of Slurm's commands prints; LabError with what it says when it fails."""
        return capture(command, Deadline(limit_s), env=self.environment)

    def start(self) -> None:
        """Everything, and waits until all nodes are idle."""
        self.start_munged()
        self.start_controller()
        for name in self.nodes:
            self.start_node(name)
        self.wait(lambda: set(self.states().values()) == {"idle"}, "every node is idle")

    def start_munged(self) -> None:
        munge = self.folder / "munge"
        files = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}  # fmt: skip
        options = [f"--{option}={munge / file}" for option, file in files.items()]
        self._start("munged", [self.folder / "sbin/munged", "--foreground", "--force", *options])
        self.wait(self.socket.exists, "munged listens")

    def start_controller(self) -> None:
        """Also after it was killed: it takes up its own state."""
        self._start("slurmctld", [self.folder / "sbin/slurmctld", "-D", "-i"])

    def start_node(self, name: str) -> None:
        sbin = self.folder / "sbin"
        slurmd: list[str | Path] = [sbin / "slurmd", "-D", "-N", name, "-d", sbin / "slurmstepd"]
        self._start(name, [*self.nodes[name].within, *slurmd])

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Of a daemon: "munged", "slurmctld" or a node. Jobs of a slurmd that is killed go on."""
        process = self.daemons[name]
        process.send_signal(number)
        process.wait(_STOP_S)

    def states(self) -> dict[str, str]:
        """Each node's, as sinfo says it, with its marks ("idle*" does not answer)."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def jobs(self) -> dict[str, str]:
        """Each job or array task's state that the controller has not forgotten, by "12" or "12_3"."""
        lines = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%i %T")
        return dict(line.split(maxsplit=1) for line in lines.splitlines())

    def pids(self, words: str = "") -> list[int]:
        """All processes of daemons and jobs whose command line matches `words`."""
        wanted = f"{_MARKER}={self.folder}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                ours = wanted in (entry / "environ").read_bytes().split(b"\0")
                # slurmstepd writes its title over its environment.
                ours = ours or (entry / "cwd").readlink().is_relative_to(self.folder)
            except OSError:  # it has just ended, or is another user's
                continue
            if ours and line and re.search(words, line):
                found.append(int(entry.name))
        return [pid for pid in found if pid != os.getpid()]

    def wait(self, holds: Callable[[], bool], what: str, limit_s: float = _START_S) -> None:
        deadline = Deadline(limit_s)
        said = ""
        while True:
            try:
                if holds():
                    return
            except LabError as error:  # a controller that is not there yet
                said = f": {error}"
            if deadline.remaining() == 0:
                raise LabError(f"not within {limit_s:g} s: {what}{said}")
            for name, process in self.daemons.items():
                if process.poll() not in (None, -signal.SIGKILL):
                    raise LabError(f"{name} ended with {process.returncode}, before {what}")
            time.sleep(_POLL_S)

    def logs(self) -> str:
        """The end of each daemon's log."""
        found = []
        for log in sorted((self.folder / "log").iterdir()):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"--- {log.name}", *lines[-_LOG_LINES:]]
        return "\n".join(found) + "\n"

    def stop(self) -> None:
        """Ends daemons and jobs, not through Slurm: a controller or a node may be gone."""
        for name in (*self.nodes, "slurmctld", "munged"):
            if name in self.daemons:
                end(self.daemons[name], Deadline(_STOP_S))
        # A slurmstepd ends after its job, and may wait for a controller then.
        for number, words in ((signal.SIGTERM, "^(?!slurmstepd)"), (signal.SIGKILL, "")):
            deadline = Deadline(_STOP_S)
            while (left := self.pids(words)) and deadline.remaining():
                _end(left, number, deadline)
        if left:
            raise LabError(f"processes of the cluster do not end: {left}")

    def _start(self, name: str, command: Sequence[str | Path]) -> None:
        with open(self.folder / "log" / name, "ab") as log:
            self.daemons[name] = spawn(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True,
            )  # fmt: skip

    def _cgroup_plugin(self) -> str:
        said = self.run(self.folder / "sbin/slurmctld", "-V")
        version = re.search(r"(\d+)\.(\d+)", said)
        known = version is not None and (int(version[1]), int(version[2])) >= _CGROUPS_DISABLED_SINCE
        return _CGROUP_PLUGINS[known]

    def _settings(self, own: Mapping[str, str]) -> str:
        here = socket.gethostname()
        settings = {
            "ClusterName": "lab",
            "SlurmctldHost": f"{here}(127.0.0.1)",
            "SlurmctldPort": self._ports["slurmctld"],
            "SlurmUser": _user(),
            "SlurmdUser": _user(),
            # A requeued job waits until its first credential has expired: two minutes by default.
            "AuthInfo": f"socket={self.socket},cred_expire={_CREDENTIAL_S}",
            "PluginDir": self.programs.plugins,
            "StateSaveLocation": self.folder / "state",
            "SlurmdSpoolDir": self.folder / "spool-%n",
            "SlurmctldPidFile": self.folder / "slurmctld.pid",
            "SlurmdPidFile": self.folder / "slurmd-%n.pid",
            **PLAIN,
            "SlurmdTimeout": 10,  # until a node that does not answer is down
            **own,
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        for node in self.nodes.values():
            place = f"NodeHostname={here} NodeAddr=127.0.0.1 Port={self._ports[node.name]}"
            lines.append(f"NodeName={node.name} {place} CPUs={node.cpus} {node.extra}")
        lines.append(f"PartitionName=lab Nodes={','.join(self.nodes)} Default=YES State=UP")
        return "\n".join(lines) + "\n"


@contextmanager
def cluster(
    nodes: Sequence[Node], settings: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:  # fmt: skip
    """Yields a cluster whose nodes are idle. `settings`: more of slurm.conf, or in place of what it
    has ({"Epilog": "/path"}). `files`: beside it ({"gres.conf": "..."}). Everything has ended
    afterwards; what failed in between is followed by the daemons' logs on standard error."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # paths of sockets are short
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)  # jobs may be other users'
        ports = [stack.enter_context(_port()) for _ in range(1 + len(nodes))]
        one = Cluster(folder, nodes, settings or {}, files or {}, ports)
        try:
            stack.callback(one.stop)
            one.start()
            yield one
        except BaseException:
            print(one.logs(), file=sys.stderr)
            raise


@contextmanager
def _port() -> Iterator[int]:
    """A free TCP port. Its UDP twin is held meanwhile, so that no other cluster takes it."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket(type=socket.SOCK_DGRAM) as mark, socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                mark.bind(("127.0.0.1", port))
                trial.bind(("", port))
            except OSError:
                continue
            trial.close()
            yield port
            return
    raise LabError("no port is free")


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _end(pids: Sequence[int], number: int, deadline: Deadline) -> None:
    """Signals processes and waits until they have ended."""
    opened = []
    for pid in pids:
        try:
            opened.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    for descriptor in opened:
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
    for descriptor in opened:
        select.select([descriptor], [], [], deadline.remaining())
        os.close(descriptor)
