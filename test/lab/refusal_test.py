"""Bad input is answered by one sentence and an exit status; nothing is booted."""

import fcntl
import os
import subprocess
import unittest
from pathlib import Path

from harness import REPOSITORY, LabTest


class Refusal(LabTest):
    def refused(
        self, done: "subprocess.CompletedProcess[str]", status: int, sentence: str
    ) -> None:
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(sentence, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn("both guests", done.stderr)
        self.assert_nothing_left()

    def plain(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.finish([str(REPOSITORY / "ci/lab"), *arguments], self.environment())

    def test_unknown_words(self) -> None:
        self.refused(self.plain("boot"), 2, "invalid choice: 'boot'")
        self.refused(self.plain("--colour"), 2, "unrecognized arguments: --colour")
        self.refused(self.plain("run", "--kern", "7.3"), 2, "unrecognized arguments: --kern")
        self.refused(self.plain("run", "stray"), 2, "unrecognized arguments: stray")
        self.refused(self.plain("run", "--nic", "ne2000"), 2, "invalid choice: 'ne2000'")

    def test_invalid_values(self) -> None:
        for words, sentence in (
            (["run", "--kernel", "latest"], "neither a kernel series such as 7.3 nor a file: 'latest'"),
            (["run", "--share", "/nonexistent"], "not a directory: '/nonexistent'"),
            (["run", "--limit", "-1"], "not a number of seconds: '-1'"),
            (["run", "--with", "kasn"], "not one of coverage, debug, faultinjection, kasan"),
            (["matrix", "--with", "kasan"], "--with builds those that --kernels names"),
            (["kernel", "build", "--source", "/"], "/ is not a kernel's source tree"),
            (["coverage", "--suite", "theirs"], "neither ours nor kernel: 'theirs'"),
            (["faults", "--nics", "none"], "not one of bnxt, gve, mlx5: 'none'"),
            (["kernel-selftest", "--nic", "none"], "invalid choice: 'none'"),
            (["mutations", "no-such-one"], "no mutation has the name 'no-such-one'"),
            (["exec"], "exec needs a command"),
            (["shell", "--", "ls"], "shell takes no arguments after --"),
            (["clean", "--", "all"], "clean takes no arguments after --"),
            (["repro", "no-such-fault"], "no known fault has the name 'no-such-fault'"),
            (["repro", "a", "b"], "unrecognized arguments: b"),
            (["repro", "a", "--", "b"], "repro takes no arguments after --"),
            (["repro", "no-such-queue-einval", "--with", "kasan"], "--with builds the kernel that"),
            (["repro", "a", "--runs", "0"], "not a number from 1 to 9999: '0'"),
            (["repro", "a", "--kernel", "7.3.4"], "neither a kernel series such as 7.3 nor a file"),
        ):
            self.refused(self.plain(*words), 2, sentence)

    def test_a_mistake_is_no_verdict_of_a_bisection(self) -> None:
        """git-bisect(1): from 128 on, it ends; 2 and 5 would make each commit bad."""
        self.refused(self.plain("bisect-run", "--nic", "ne2000"), 128, "invalid choice: 'ne2000'")
        self.refused(self.lab("bisect-run", "--kernel", "7.3"), 128, "bisect-run builds a tree")
        done = self.lab("bisect-run", "--kernel", str(self.folder))
        self.refused(done, 128, f"{self.folder} is not a kernel's source tree")
        self.refused(self.lab("bisect-run", "--build", "/"), 128, "/zcrx_tests is missing")

    def test_help_names_every_command(self) -> None:
        text = self.plain("--help").stdout
        for name in ("run", "exec", "shell"):
            self.assertIn(name, text)
            one = self.plain(name, "--help")
            self.assertEqual(one.returncode, 0)
            self.assertIn("--kernel", one.stdout)

    def test_a_kernel_that_debian_does_not_have_for_a_fault(self) -> None:
        done = self.lab("repro", "no-such-queue-einval", "--kernel", "5.99")
        self.refused(done, 5, "")
        self.assertIn("not tried on bnxt 5.99: Debian has no full kernel 5.99", done.stdout)

    def test_a_build_that_is_not_there(self) -> None:
        done = self.plain("run", "--build", str(self.folder))
        self.refused(done, 5, f"{self.folder / 'zcrx_tests'} is missing")

    def test_a_kernel_that_debian_does_not_have(self) -> None:
        self.refused(self.lab("run", "--kernel", "5.99"), 5, "Debian has no cloud kernel 5.99")

    def test_a_results_folder_in_use(self) -> None:
        self.out.mkdir()
        descriptor = os.open(self.out, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.refused(self.lab("run", "--nic", "gve"), 5, f"another lab writes {self.out}")

    def test_a_cache_in_use(self) -> None:
        cache = self.folder / "cache/zcrx-hwtest"
        cache.mkdir(parents=True)
        descriptor = os.open(cache, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        done = self.finish(
            [str(REPOSITORY / "ci/lab"), "clean"],
            self.environment(XDG_CACHE_HOME=str(cache.parent)),
        )
        self.refused(done, 5, "a lab is running")

    def test_no_qemu_to_be_had(self) -> None:
        """An empty cache, and a mirror that refuses the connection."""
        done = self.lab(
            "run",
            XDG_CACHE_HOME=str(self.folder / "cache"),
            ZCRX_DEBIAN_MIRROR="http://127.0.0.1:9/debian",
            PATH=_path_without_qemu(self.folder),
        )
        self.refused(done, 5, "QEMU")
        self.assertIn("127.0.0.1:9", done.stderr, "what apt-get said")


def _path_without_qemu(folder: Path) -> str:
    """The usual folders, unless a QEMU of the system's is in them."""
    found = []
    for entry in os.environ["PATH"].split(":"):
        if not (Path(entry) / "qemu-system-x86_64").exists():
            found.append(entry)
    return ":".join(found)


if __name__ == "__main__":
    unittest.main()
