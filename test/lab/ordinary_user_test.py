"""With the packages there, the lab takes no privileges at all."""

import os
import shutil
import unittest

from harness import BUILD, REPOSITORY, LabTest, link_cache

_UID = "65534"


class OrdinaryUser(LabTest):
    def test_boots_and_runs_a_command(self) -> None:
        script = "ping -c 1 -w 20 192.0.2.2 >/dev/null && echo up; echo mine >/results/mine"
        arguments = ["exec", "--", "sh", "-c", script]
        if os.geteuid() != 0:
            done = self.lab(*arguments)
        else:
            done = self.finish(*self.as_nobody(arguments))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "up\n")
        self.assertEqual((self.out / "dut/mine").read_text(encoding="utf-8"), "mine\n")

    def as_nobody(self, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        """Root gives up all it is. Cache, checkout and build may be closed to others: copies."""
        link_cache(self.folder / "cache/zcrx-hwtest")
        for part in ("ci", "conf"):
            shutil.copytree(REPOSITORY / part, self.folder / part, symlinks=True)
        build = self.folder / "build"
        build.mkdir()
        for name in ("zcrx_tests", "zcrx_sender", "zcrx_nic", "vnic"):
            shutil.copy2(BUILD / name, build)
        self.out.mkdir()
        cache = self.folder / "cache/zcrx-hwtest"
        for path in (self.folder, self.run_folders, self.out, cache):
            path.chmod(0o777)
        drop = ["setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups"]
        drop += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        name, *rest = arguments
        folders = ["--build", str(build), "--out", str(self.out)]
        home = {"XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": "/nonexistent"}
        return [*drop, str(self.folder / "ci/lab"), name, *folders, *rest], self.environment(**home)


if __name__ == "__main__":
    unittest.main()
