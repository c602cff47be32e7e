"""conf/slurm, as the bundle has it, on a DUT with two NICs: the suite runs as jobs on both.

For the nightly check: Slurm comes from the lab's Debian, unpacked into the cache as QEMU is. Kills
of all kinds, of Slurm's own processes too, are for slurm_racks_test, whose NICs are veth pairs.
"""

import re
import shutil
import tarfile
import unittest
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from harness import InstalledTest, cases
from rack import shipped_settings
from slurm_cluster import PLAIN

from vlab.base import cache
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.results import junit
from vlab.results.outcome import Outcome

_SCRIPT = "slurm_guest.sh"
_TEST = "ZcrxReceive.DeliversEveryByteInOrder/flow_rule"
_PAIRS = {"bnxt": "nic0: bnxt_en ", "mlx5": "nic1: mlx5_core "}  # as a run's first line names it
# The script's jobs, as Slurm numbers them: those that it kills, with their pairs, and the others.
_KILLED = {"1": "bnxt", "2": "mlx5"}
_OTHERS = ("3", "4", "5", "6")
_PACKAGES = (
    "slurmctld", "slurmd", "slurm-client", "munge",
    "bash", "bsdutils", "coreutils", "dash", "findutils", "grep", "mawk", "procps", "sed",
    "util-linux",
)  # fmt: skip
_UNUSED = {"share", "gconv", "perl-base", "systemd"}  # much, and of no use here
# The packages' scripts would have made the links; the folders are for the bundle.
_LINKS = {
    "bin/awk": "mawk", "sbin/slurmctld": "slurmctld-wlm", "sbin/slurmd": "slurmd-wlm",
    "sbin/slurmstepd": "slurmstepd-wlm",
}  # fmt: skip
_FOLDERS = ("share", "local", "local/bin")
_SETTINGS: dict[str, object] = {
    "ClusterName": "lab", "SlurmctldHost": "dut(127.0.0.1)", "SlurmUser": "root",
    "SlurmdUser": "root", "AuthInfo": "socket=/run/munge/socket",
    "StateSaveLocation": "/run/slurm/state", "SlurmdSpoolDir": "/run/slurm/spool",
    "SlurmctldPidFile": "/run/slurm/slurmctld.pid", "SlurmdPidFile": "/run/slurm/slurmd.pid",
    "MinJobAge": 3600,  # the script asks for all of its jobs in the end
    **PLAIN, **shipped_settings(),
}  # fmt: skip
_GRES = ",".join(f"zcrx:{pair}:1" for pair in _PAIRS)
_CONFIGURATION = {
    "slurm.conf": [
        *(f"{name}={value}" for name, value in _SETTINGS.items()),
        f"NodeName=dut NodeAddr=127.0.0.1 CPUs=2 Gres={_GRES}",
        "PartitionName=lab Nodes=dut Default=YES State=UP",
    ],
    "gres.conf": [f"NodeName=dut Name=zcrx Type={pair} Count=1" for pair in _PAIRS],
    "cgroup.conf": ["CgroupPlugin=disabled"],
}
_LOG_LINES = 40


class Job(NamedTuple):
    """As Slurm tells it. Of two times the later is the greater text."""

    state: str
    start: str
    end: str

    def meets(self, other: "Job") -> bool:
        return self.start < other.end and other.start < self.end


class SlurmGuest(InstalledTest):
    def setUp(self) -> None:
        super().setUp()
        self.install("bundle", "/bundle")
        for name in (_SCRIPT, "cases.sh"):
            shutil.copy(Path(__file__).with_name(name), self.share_folder)
        _archive_debian(self.share_folder / "debian.tar")
        configuration = self.share_folder / "slurm"
        configuration.mkdir()
        for name, lines in _CONFIGURATION.items():
            (configuration / name).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def test_jobs_on_both_pairs(self) -> None:
        options = ["--nic", "bnxt", "--second-nic", "mlx5", "--share", str(self.share_folder)]
        done = self.lab("exec", *options, "--", "sh", f"/share/{_SCRIPT}", _TEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.logs())
        said = cases(done.stdout)

        for nic in ("nic0", "nic1"):
            changes, status = said[f"changed_{nic}"]
            self.assertEqual(status, 1, changes)
            self.assertIn("flow rule", changes, f"{nic} was not as the suite wants it")
        for name in ("as_found", "as_found_again"):
            self.assertEqual(said[name][0], "", f"{name}: a NIC was not put back{self.logs()}")
            self.assertEqual(said[name][1], 0, name)
        self.assertEqual(said["drained"], ("", 0))
        self.assertEqual(said["left_of_jobs"], ("", 0))
        for daemon in ("munged", "slurmctld", "slurmd"):
            self.assertRegex(said["daemons"][0], rf"(?m)^\d+ {daemon}$")

        jobs = self.jobs(said["jobs"][0])
        self.assertEqual(list(jobs), [*_KILLED, *_OTHERS])
        spans: dict[str, list[Job]] = {pair: [] for pair in _PAIRS}
        for number, job in jobs.items():
            killed = number in _KILLED
            self.assertEqual(job.state, "FAILED" if killed else "COMPLETED", self.log(number))
            pair = self.pair_of(number)
            self.assertEqual(pair, _KILLED.get(number, pair))
            spans[pair].append(job)
            if not killed:
                self.passed(number)
        for pair, ones in spans.items():
            self.assertGreater(len(ones), 1, f"no job came after the killed one on {pair}")
            for before, after in pairwise(sorted(ones, key=lambda job: job.start)):
                self.assertLessEqual(before.end, after.start, f"two jobs at once on {pair}")
        bnxt, mlx5 = (ones[1:] for ones in spans.values())
        self.assertTrue(
            any(one.meets(other) for one in bnxt for other in mlx5),
            f"the pairs were never in use at once: {spans}",
        )

        self.assertIn("guardian of nic0: put back", self.log("1"))
        self.assertNotIn("guardian of nic1", self.log("2"), "it was killed")
        self.assert_nothing_left()

    def jobs(self, said: str) -> dict[str, Job]:
        lines = [line.split() for line in said.splitlines()]
        return {number: Job(*rest) for number, *rest in lines}

    def pair_of(self, job: str) -> str:
        """The pair that the job's one run had, and tested."""
        runs = (self.results / f"zcrx-{job}/runs").read_text(encoding="utf-8")
        match = re.fullmatch(r"\S+ run 1 on dut \((\w+)\), restart 0\n", runs)
        assert match is not None, f"job {job} did not run once: {runs}"
        log = self.log(job)
        self.assertTrue(log.startswith(_PAIRS[match[1]]), f"of pair {match[1]}: {log}")
        return match[1]

    def passed(self, job: str) -> None:
        report = junit.read(self.results / f"zcrx-{job}/run-1/junit.xml")
        found = [(case.test, case.outcome) for case in report]
        self.assertEqual(found, [(_TEST, Outcome.PASSED)], self.log(job))

    @property
    def results(self) -> Path:
        return self.out / "dut"

    def log(self, job: str) -> str:
        return (self.results / f"zcrx-{job}.log").read_text(encoding="utf-8")

    def logs(self) -> str:
        """The end of what each daemon and each job has said."""
        found = [""]
        for path in sorted(self.results.glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"--- {path.name}", *lines[-_LOG_LINES:]]
        return "\n".join(found)


def _archive_debian(path: Path) -> None:
    """Writes a Debian's /usr with Slurm, for the guest's memory. There all is root's."""

    def used(file: tarfile.TarInfo) -> tarfile.TarInfo | None:
        file.uid = file.gid = 0
        file.uname = file.gname = "root"
        return None if Path(file.name).name in _UNUSED else file

    tree = Apt(cache.folder(), LAB_RELEASE, backports=False).tree("slurm-guest", _PACKAGES)
    with tarfile.open(path, "w") as archive:
        archive.add(tree / "usr", "usr", filter=used)
        for name in _FOLDERS:
            folder = tarfile.TarInfo(f"usr/{name}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name, target in _LINKS.items():
            link = tarfile.TarInfo(f"usr/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)


if __name__ == "__main__":
    unittest.main()
