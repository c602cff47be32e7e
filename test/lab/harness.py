"""Runs ci/lab as a user would, and sees what a lab leaves behind."""

from __future__ import annotations

import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid
from dataclasses import replace
from pathlib import Path

from vlab.machines.guests import NICS
from vlab.suites import selection

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZCRX_BUILD", REPOSITORY / "build"))
# A lab boots in seconds; the first on a machine fetches packages, and a loaded machine is slow.
LIMIT_S = float(os.environ.get("ZCRX_LAB_LIMIT", "540"))
_MARKER = "ZCRX_LAB_TEST"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _end_with_the_test() -> None:
    """For preexec_fn: a test that ctest kills at its time limit leaves no lab to the next one."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def cases(text: str) -> dict[str, tuple[str, int]]:
    """What the scripts for the DUT print: per case its output, with what came before the next
    case, and its exit status."""
    found = {}
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        output, _, tail = rest.rpartition("--- status ")
        status, _, after = tail.partition("\n")
        found[name] = (output + after, int(status))
    return found


def names_of_all_tests() -> list[str]:
    return [test.name for test in selection.listed(BUILD)]


def link_cache(target: Path) -> None:
    """A copy of the cache as `target`, of links where that can be: it holds hundreds of megabytes.

    Without guests: those are for their owner to read alone, and made anew.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zcrx-hwtest"
    for part in ("apt", "kernels", "kvm", "trees"):
        if (cache / part).is_dir():
            shutil.copytree(cache / part, target / part, copy_function=_link, symlinks=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class LabTest(unittest.TestCase):
    """Each test has a folder for results and one for the labs' private folders.

    All processes of a test's labs inherit a marker in their environment, by which those that
    should have ended are found.
    """

    def setUp(self) -> None:
        # Directly below /tmp: the paths of UNIX sockets have to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="lab-test-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "out"
        self.run_folders = self.folder / "run"
        self.run_folders.mkdir()
        self.marker = uuid.uuid4().hex

    def environment(self, **changes: str) -> dict[str, str]:
        own = {"XDG_RUNTIME_DIR": str(self.run_folders), _MARKER: self.marker}
        return {**os.environ, **own, **changes}

    def command(self, *arguments: str, ci: Path = REPOSITORY / "ci") -> list[str]:
        """`arguments` begin with the subcommand; build and results folder are added to it."""
        name, *rest = arguments
        return [str(ci / "lab"), name, "--build", str(BUILD), "--out", str(self.out), *rest]

    def share(self, script: str, nic: str | None = None, peer: str | None = None) -> list[str]:
        """`script` of this folder for the DUT, as /share/NAME: the options of `exec` for it. With
        `nic`, that is the lab's NIC, and /share/nic.sh says what its driver can do, facing `peer`."""
        shared = self.folder / "share"
        shared.mkdir(exist_ok=True)
        for name in (script, "cases.sh"):
            shutil.copy(Path(__file__).with_name(name), shared)
        if nic is None:
            return ["--share", str(shared)]
        own, other = NICS[nic], NICS[peer or nic]
        text = replace(own, mtu=min(own.mtu, other.mtu)).for_scripts()
        (shared / "nic.sh").write_text(text, encoding="utf-8")
        return ["--nic", nic, "--peer-nic", other.model, "--share", str(shared)]

    def lab(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return self.finish(self.command(*arguments), self.environment(**changes))

    def finish(
        self, command: list[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            preexec_fn=_end_with_the_test,
        )

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[bytes]:
        """In a process group of its own, as a shell with job control does it."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            preexec_fn=_end_with_the_test,
        )
        self.addCleanup(self._reap, process)
        return process

    def read_until(self, stream: object, wanted: bytes) -> bytes:
        """What comes from a pipe of `start`, until `wanted` has."""
        descriptor = stream.fileno()  # type: ignore[attr-defined]
        seen, end = b"", time.monotonic() + LIMIT_S
        while wanted not in seen:
            ready = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]
            chunk = os.read(descriptor, 4096) if ready else b""
            self.assertNotEqual(chunk, b"", f"no {wanted!r} in {seen!r}")
            seen += chunk
        return seen

    def pids(self) -> dict[int, str]:
        """The processes of this test's labs that are there now, with their command lines."""
        wanted = f"{_MARKER}={self.marker}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found[int(entry.name)] = b" ".join(words).decode(errors="replace")
            except OSError:  # it has just ended, or is another user's
                continue
        return found

    def assert_nothing_left(self) -> None:
        """All processes end, and so does the private folder with its sockets and keys.

        Looked for again until there are none: a lab that is killed may just have started one.
        """
        end = time.monotonic() + 10
        while left := self.pids():
            for pid in left:
                try:
                    descriptor = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                ended = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]
                os.close(descriptor)
                self.assertTrue(ended, f"still there: {left[pid]}")
        self.assertEqual(list(self.run_folders.iterdir()), [])

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()


class InstalledTest(LabTest):
    """Of what is installed, in a folder that the guests have as /share."""

    def setUp(self) -> None:
        super().setUp()
        self.share_folder = self.folder / "share"
        self.share_folder.mkdir()

    def install(self, component: str, prefix: str) -> None:
        command = ["cmake", "--install", str(BUILD), "--component", component, "--prefix", prefix]
        environment = self.environment(DESTDIR=str(self.share_folder))
        done = self.finish(command, environment)
        self.assertEqual(done.returncode, 0, done.stderr)
