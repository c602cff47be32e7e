"""What is installed runs where it is, on the NIC: as it would be below /usr, and as the bundle."""

import gzip
import re
import shutil
import subprocess
import tarfile
import unittest

from harness import BUILD, InstalledTest

from vlab.suites import kernel_suite

_TEST = "ZcrxReceive.DeliversEveryByteInOrder/flow_rule"
_RSS = _TEST.replace("flow_rule", "rss_context")
_DISRUPTIVE = "ZcrxLifecycleStream.GoesOn/link_down_up"
_SHARE = "usr/share/zcrx-hwtest"
_RACK = {
    f"slurm/{name}" for name in (
        "README.md", "zcrx.conf", "gres.conf", "rack.sh", "prolog.sh", "epilog.sh", "zcrx.sbatch",
    )
}  # fmt: skip
_INSTALLED = {
    "usr/bin/zcrx_tests", "usr/bin/zcrx_nic", "usr/libexec/zcrx-hwtest/zcrx_sender",
    f"{_SHARE}/net.config", f"{_SHARE}/known-faults.toml", f"{_SHARE}/suite.config",
    f"{_SHARE}/ctest/CTestTestfile.cmake", f"{_SHARE}/kselftest/kselftest-list.txt",
    f"{_SHARE}/kselftest/drivers/net/hw/zcrx.sh",
    *(f"{_SHARE}/{name}" for name in _RACK),
    "usr/share/doc/zcrx-hwtest/README.md", "usr/share/doc/zcrx-hwtest/copyright",
    "usr/share/doc/zcrx-hwtest/changelog.gz", "usr/share/lintian/overrides/zcrx-hwtest",
    "usr/share/bash-completion/completions/zcrx_tests",
    "usr/share/bash-completion/completions/zcrx_nic",
    "usr/share/man/man1/zcrx_tests.1.gz", "usr/share/man/man1/zcrx_nic.1.gz",
    "usr/share/man/man1/zcrx_sender.1.gz",
}  # fmt: skip
_OF_BUNDLE = {
    "README.md", "LICENSE", "net.config", "zcrx_tests", "zcrx_nic", "lib/zcrx_tests",
    "lib/zcrx_nic", "lib/zcrx_sender", "lib/zcrx_tests.elf", "lib/zcrx_nic.elf",
    "lib/ld-linux-x86-64.so.2", "lib/libc.so.6", "lib/libstdc++.so.6", "lib/libssh.so.4",
    "lib/libnl-3.so.200", "lib/liburing.so.2", *_RACK,
}  # fmt: skip
# The guest's own programs are in PATH; those of $1 are to find each other.
_RUN = f"""\
set -e
PATH=/bin:/usr/sbin
cd /
"$1/zcrx_nic" --netif=nic0 snapshot /tmp/state
"$1/zcrx_tests" --config=/etc/zcrx-hwtest/net.config --gtest_filter={_TEST}
"$1/zcrx_nic" --netif=nic0 diff /tmp/state
"""

# As that CI does it, the configuration is beside the tests, and not in the environment, which says
# what the machine may be put to.
_KSELFTEST = f"""\
set -e
cp /etc/zcrx-hwtest/net.config /share/kselftest/drivers/net/hw
export PATH=/share/usr/bin:$PATH
export DISRUPTIVE=False KSFT_MACHINE_SLOW=yes
export KSELFTEST_ZCRX_SH_ARGS='--gtest_filter={_TEST}:{_RSS}:{_DISRUPTIVE}'
cd /share/kselftest
# It opens /dev/stdout, which the guest's /dev lacks, and which cannot be the socket of a login. It
# does without timeout(1), and not with busybox's.
ln -s /proc/self/fd/1 /dev/stdout
rm /usr/bin/timeout
sh ./run_kselftest.sh -t drivers/net/hw:zcrx.sh | cat
"""
# How a nested result is read there.
_RESULT = re.compile(r"# (not )?ok \d+ (\S+) # (SKIP .*)?time=\d+ms")


class Installed(InstalledTest):
    def files(self) -> set[str]:
        found = (path for path in self.share_folder.rglob("*") if not path.is_dir())
        return {str(path.relative_to(self.share_folder)) for path in found}

    def runs_from(self, folder: str) -> None:
        options = ["--nic", "gve", "--share", str(self.share_folder)]
        done = self.lab("exec", *options, "--", "sh", "-c", _RUN, "sh", folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("[  PASSED  ] 1 test.", done.stdout)
        self.assert_nothing_left()

    def test_below_usr(self) -> None:
        self.install("suite", "/usr")
        self.assertEqual(self.files(), _INSTALLED)
        for page in self.share_folder.glob("usr/share/man/man1/*.gz"):
            text = gzip.decompress(page.read_bytes()).decode()
            self.assertIn(f"\n{page.name.partition('.')[0]} ", text, "as it is called")
        self.runs_from("/share/usr/bin")

    def test_as_one_of_the_kernels_selftests(self) -> None:
        """Run by the kernel's own runner, and read as the network developers' CI reads it."""
        self.install("suite", "/usr")
        folder = self.share_folder / "kselftest"
        shutil.copytree(self.share_folder / _SHARE / "kselftest", folder)
        with tarfile.open(kernel_suite.folder() / kernel_suite.ARCHIVE) as archive:
            for name in kernel_suite.RUNNER:
                place = folder / name.split("selftests/")[1]
                place.parent.mkdir(exist_ok=True)
                content = archive.extractfile(f"./linux/{name}")
                assert content is not None
                place.write_bytes(content.read())
                place.chmod(0o755)
        options = ["--nic", "gve", "--share", str(self.share_folder)]
        done = self.lab("exec", *options, "--", "sh", "-c", _KSELFTEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("\nok 1 selftests: drivers/net/hw: zcrx.sh\n", done.stdout)
        lines = done.stdout.splitlines()
        nested = lines[lines.index("# TAP version 13") :]
        results = [match.groups() for line in nested if (match := _RESULT.fullmatch(line))]
        self.assertCountEqual(  # whatever order the linker has given them
            [(bad, name, (comment or "").split(":")[0]) for bad, name, comment in results],
            [
                (None, _TEST, ""), (None, _RSS, "SKIP rss-contexts"),
                (None, _DISRUPTIVE, "SKIP disruption"),
            ],
        )  # fmt: skip
        self.assertTrue(all("time=" in line for line in nested if _RESULT.fullmatch(line)))

    def test_the_bundle(self) -> None:
        self.install("bundle", "/")
        self.assertLessEqual(_OF_BUNDLE, self.files())
        others = [name for name in self.files() - _OF_BUNDLE if not re.match(r"lib/lib.*\.so", name)]
        self.assertEqual(others, [], "nothing but libraries")
        link = self.folder / "zcrx_nic"  # like one in a folder of PATH
        link.symlink_to(self.share_folder / "zcrx_nic")
        self.assertRegex(self.said_by(str(link), "--version"), r"^zcrx_nic \d")
        self.runs_from("/share")

    def test_the_bundle_says_which_machine_it_is_for(self) -> None:
        self.install("bundle", "/")
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "uname").write_text("#!/bin/sh\necho aarch64\n", encoding="utf-8")
        (tools / "uname").chmod(0o755)
        path = f"{tools}:{self.environment()['PATH']}"
        done = self.finish([str(self.share_folder / "zcrx_tests")], self.environment(PATH=path))
        self.assertEqual(done.returncode, 2)
        self.assertIn("zcrx_tests: this bundle is for x86_64, this machine is aarch64", done.stderr)

    def test_the_debian_package(self) -> None:
        command = ["cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-G", "DEB"]
        done = self.finish([*command, "-B", str(self.folder)], self.environment())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (package,) = self.folder.glob("*.deb")
        control = self.said_by("dpkg-deb", "--field", str(package))
        for library in ("libc6 (>=", "libssh-4 (>=", "libnl-3-200 (>=", "liburing2 (>="):
            self.assertIn(library, control)
        listing = self.said_by("dpkg-deb", "--contents", str(package))
        names = [line.split()[5] for line in listing.splitlines() if not line.startswith("d")]
        self.assertEqual({name.removeprefix("./") for name in names}, _INSTALLED)
        self.assertEqual(self.said_by("lintian", "--allow-root", str(package)), "")

    def test_ctest_has_an_entry_for_each_suite(self) -> None:
        self.install("suite", "/usr")
        folder = str(self.share_folder / _SHARE / "ctest")
        listed = self.said_by("ctest", "--test-dir", folder, "--show-only")
        for entry in ("hw.ZcrxReceive", "nodev.ZcrxNodevAreas"):
            self.assertRegex(listed, rf"(?m)#\d+: {re.escape(entry)}$")
        # It finds the program, whatever PATH is. Without a NIC it is bad usage.
        one = ["--tests-regex", "^hw.ZcrxReceive$", "--output-on-failure"]
        environment = {**self.environment(), "PATH": "/usr/bin:/bin", "NETIF": ""}
        ran = self.finish(["ctest", "--test-dir", folder, *one], environment)
        self.assertIn("NETIF is missing", ran.stdout)

    def said_by(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    unittest.main()
