"""The suite as a LAVA job on the lab's DUT, run by LAVA's own dispatcher.

For the nightly check: LAVA comes from Debian's backports, unpacked into the cache as QEMU is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import unittest
from pathlib import Path
from typing import Any

from harness import LIMIT_S, REPOSITORY, LabTest

from vlab.base import cache
from vlab.debian.apt import LAB_RELEASE, Apt
from vlab.debian.tools import in_tree

_CONF = REPOSITORY / "conf/lava"
_SUITE = "ZcrxReceive.DeliversEveryByteInOrder"
_MISSED = "ZcrxCopyEvent.FiresAndCountsWhenTrafficMissesTheQueue/no_flow_rule"
_FILTER = f"{_SUITE}/flow_rule:{_SUITE}/rss_context:{_MISSED}"
# It says that it is up, and is the lab for as long as this test wants it.
_WAIT = "echo up; while [ ! -e /share/done ]; do sleep 0.1; done"
# The device as its lab describes it to LAVA. What a lab's server adds to each: the constants.
_DEVICE = """\
actions:
  deploy:
    connections: {{serial: }}
    methods:
      ssh: {{host: dut, user: root, options: ["-F", "{ssh_config}"]}}
  boot:
    connections: {{serial: }}
    methods: {{ssh: }}
constants:
  boot_retry: 1
  failure_retry: 1
  spawn_maxread: "4092"
  default-shell-prompt: "# "
  posix:
    lava_test_sh_cmd: /bin/sh
    lava_test_results_dir: /lava-%s
    lava_test_shell_file: ~/.bashrc
"""
# It keeps a folder below /var/lib, which is none of this machine's here.
_RUN = 'mount -t tmpfs none /var/lib && exec "$@"'


class Lava(LabTest):
    def dispatcher(self) -> list[str]:
        """lava-run, by the Python and the libraries that came with it."""
        tree = Apt(cache.folder(), LAB_RELEASE, backports=True).tree("lava", ("lava-dispatcher",))
        (python,) = (tree / "usr/bin").glob("python3.[0-9]*")
        modules = tree / "usr/lib/python3/dist-packages"
        environment = [f"PYTHONHOME={tree / 'usr'}", f"PYTHONPATH={modules}"]
        alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", _RUN, "sh"]
        return [*alone, "env", *environment, *in_tree(tree, python), str(tree / "usr/bin/lava-run")]

    def ssh_config(self) -> Path:
        """The lab's own way into the DUT, as ssh is told it."""
        logins = [
            Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            for pid, line in self.pids().items()
            if line.startswith("ssh -F none ")
        ]
        words = logins[0]
        settings = [words[at + 1] for at, word in enumerate(words) if word == "-o"]
        path = self.folder / "ssh_config"
        # Its command is for this machine's Python, not for LAVA's.
        other = ("ProxyCommand=", "ProxyCommand=env -u PYTHONHOME -u PYTHONPATH ")
        lines = [" ".join(setting.replace(*other).split("=", 1)) for setting in settings]
        path.write_text("\n".join(["Host dut", *lines, ""]), encoding="utf-8")
        return path

    def job(self) -> Path:
        """conf/lava/job.yaml, with the definition from a repository that has it."""
        repository = self.folder / "repository"
        shutil.copytree(_CONF, repository / "conf/lava")
        author = ["-c", "user.name=lab", "-c", "user.email=lab@localhost"]
        git = ["git", "-C", str(repository), *author]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "definition"]):
            subprocess.run([*git, *words], check=True)
        text = (_CONF / "job.yaml").read_text(encoding="utf-8")
        text = text.replace("REPOSITORY", str(repository))
        text += f"          parameters: {{FILTER: {json.dumps(_FILTER)}}}\n"
        path = self.folder / "job.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def results(self, said: str) -> dict[str, dict[str, Any]]:
        """The test cases that LAVA has recorded."""
        found: dict[str, dict[str, Any]] = {}
        for line in said.splitlines():
            if not line.startswith("{"):
                continue
            told = json.loads(line.replace('! "', '"'))  # YAML: a string, whatever it looks like
            if told["lvl"] == "results" and told["msg"]["definition"] == "0_zcrx-hwtest":
                self.assertNotIn(told["msg"]["case"], found)
                found[told["msg"]["case"]] = told["msg"]
        return found

    def run_job(self, *options: str) -> dict[str, dict[str, Any]]:
        share = self.folder / "share"
        share.mkdir()
        dispatcher = self.dispatcher()
        nic = ["--nic", "gve", *options, "--share", str(share)]
        lab = self.start("exec", *nic, "--", "sh", "-c", _WAIT)
        self.read_until(lab.stdout, b"up\n")
        device = self.folder / "device.yaml"
        device.write_text(_DEVICE.format(ssh_config=self.ssh_config()), encoding="utf-8")
        out = self.folder / "lava"
        out.mkdir()
        words = ["--job-id", "1", "--output-dir", str(out), "--device", str(device)]
        done = self.finish([*dispatcher, *words, str(self.job())], self.environment())
        (share / "done").touch()
        self.assertEqual(lab.wait(timeout=LIMIT_S), 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_nothing_left()
        return self.results(done.stderr)

    def test_each_result_is_a_test_case(self) -> None:
        found = self.run_job()
        self.assertEqual(
            {case: told["result"] for case, told in found.items()},
            {
                f"{_SUITE}.flow_rule": "pass",
                f"{_SUITE}.rss_context": "skip",
                _MISSED.replace("/", "."): "pass",
                "all-tests-ran": "pass",
            },
        )
        goodput = found[f"{_SUITE}.flow_rule"]
        self.assertEqual(goodput["units"], "B/s")
        self.assertGreater(float(goodput["measurement"]), 100_000)

    def test_a_failure_is_one_there_too(self) -> None:
        found = self.run_job("--fault", "rule-ignored")
        self.assertEqual(found[f"{_SUITE}.flow_rule"]["result"], "fail")
        self.assertEqual(found["all-tests-ran"]["result"], "pass")


if __name__ == "__main__":
    unittest.main()
