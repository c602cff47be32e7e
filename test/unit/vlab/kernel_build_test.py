"""Building a kernel: the real make, in a tree whose Makefile plays the kernel's."""

import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from vlab.base.errors import LabError, UsageError
from vlab.base.paths import REPOSITORY
from vlab.kernels import build, config

# "made" counts; CONFIG_KCSAN is an option that this kernel does not have.
_MAKEFILE = """\
allnoconfig:
\tgrep -v "CONFIG_KCSAN{lacks}" $(KCONFIG_ALLCONFIG) > $(KCONFIG_CONFIG)
vmlinux:
\techo "$(LOCALVERSION)" >> $(O)/made
\t{work}
"""


class KernelBuild(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree, self.out = Path(folder.name) / "linux", Path(folder.name) / "out"
        self.tree.mkdir()
        (self.tree / "Kbuild").touch()
        self.play("true")
        mock.patch.dict("os.environ", XDG_CACHE_HOME=f"{folder.name}/cache", ARCH="mips").start()
        mock.patch("vlab.kernels.build._install_tools").start()
        self.notes = mock.patch("vlab.base.progress.note").start()
        self.addCleanup(mock.patch.stopall)

    def play(self, work: str, lacks: str = "") -> None:
        """`lacks`: "|CONFIG_A" for what else this kernel does not have."""
        text = _MAKEFILE.format(work=work, lacks=lacks.replace("|", "\\|"))
        (self.tree / "Makefile").write_text(text, encoding="utf-8")

    def lines(self, name: str) -> list[str]:
        return (self.out / name).read_text(encoding="utf-8").splitlines()

    def test_has_all_that_the_lab_and_its_options_need(self) -> None:
        build.build(self.tree, ["kasan"], self.out)
        has = config.read(self.out / ".config")
        for name in ("lab", "suite", "smallest", "with/kasan"):
            wanted = config.read(REPOSITORY / f"conf/kernel/{name}.config")
            self.assertEqual(config.lacks(has, wanted), [], name)
        self.assertNotIn("m", has.values())  # there are no modules
        self.assertEqual(self.lines("made"), ["+kasan"])

    def test_each_option_has_a_folder_of_its_own_in_the_cache(self) -> None:
        plain, kasan = build.build(self.tree, []), build.build(self.tree, ["kasan"])
        self.assertNotEqual(plain, kasan)
        self.assertEqual(build.build(self.tree, ["kasan"]), kasan)

    def test_a_configuration_stays_as_long_as_it_would_come_out_the_same(self) -> None:
        """make builds everything anew that is older."""
        build.build(self.tree, [], self.out)
        first = (self.out / ".config").stat()
        build.build(self.tree, [], self.out)
        self.assertEqual((self.out / ".config").stat().st_ino, first.st_ino)
        self.assertEqual(len(self.lines("made")), 2)
        self.play("true", lacks="|CONFIG_UDMABUF")  # another commit, with other options
        build.build(self.tree, [], self.out)
        self.assertNotIn("CONFIG_UDMABUF", config.read(self.out / ".config"))
        self.play("true", lacks="|CONFIG_PACKET")
        with self.assertRaisesRegex(build.BuildError, "does not take CONFIG_PACKET=y"):
            build.build(self.tree, [], self.out)

    def test_without_options_a_kernel_is_taken_as_it_is(self) -> None:
        self.assertEqual(build.made("7.3", []), "7.3")
        self.assertEqual(build.made(self.tree, []), self.tree)
        self.assertNotEqual(build.made(self.tree, ["kasan"]), self.tree)

    def test_an_option_that_it_does_not_have(self) -> None:
        for _ in range(2):  # nor is it forgotten
            with self.assertRaisesRegex(LabError, "with kcsan: it does not take CONFIG_KCSAN=y"):
                build.build(self.tree, ["kcsan"], self.out)
        self.assertFalse((self.out / "made").exists())

    def test_a_source_that_does_not_compile_is_told_with_the_end_of_what_make_said(self) -> None:
        self.play("echo zcrx.c:7: error >&2; exit 1")
        with self.assertRaisesRegex(build.BuildError, r"make.log ends with\n.*zcrx.c:7: error"):
            build.build(self.tree, [], self.out)

    def test_a_disk_that_is_full_is_not_the_sources_fault(self) -> None:
        self.play("echo ld: final link failed: No space left on device >&2; exit 1")
        with self.assertRaises(LabError) as caught:
            build.build(self.tree, [], self.out)
        self.assertNotIsInstance(caught.exception, build.BuildError)

    def test_variables_of_the_users_own_builds_do_not_count(self) -> None:
        self.play('test -z "$(KCFLAGS)$(LLVM)$(ARCH)"')
        with mock.patch.dict("os.environ", KCFLAGS="-O0", LLVM="1"):
            build.build(self.tree, [], self.out)

    def test_a_tree_that_is_none_or_holds_a_build(self) -> None:
        with self.assertRaisesRegex(UsageError, "not a kernel's source tree"):
            build.build(self.out.parent, [], self.out)
        with self.assertRaisesRegex(UsageError, "is in the source tree"):
            build.build(self.tree, [], self.tree / "out")
        with self.assertRaisesRegex(UsageError, "holds a space or a colon"):
            build.build(self.tree, [], self.out / "a b")
        with self.assertRaisesRegex(UsageError, "holds other things than a build"):
            build.build(self.tree, [], self.out.parent)
        (self.tree / ".config").touch()
        with self.assertRaisesRegex(UsageError, "is built in place.*make mrproper"):
            build.build(self.tree, [], self.out)
        self.assertFalse(self.out.exists())

    def test_a_second_build_in_the_same_folder_waits_for_the_first(self) -> None:
        alone = self.tree / "alone"
        self.play(f"mkdir {alone} && sleep 0.2 && rmdir {alone} && echo done >> $(O)/made")
        builds = [
            threading.Thread(target=build.build, args=(self.tree, [], self.out)) for _ in range(2)
        ]
        for one in builds:
            one.start()
        for one in builds:
            one.join()
        self.assertEqual(self.lines("made"), ["", "done", "", "done"])

    def test_interrupted_it_leaves_no_compiler_behind(self) -> None:
        pid = self.out / "pid"
        self.play(f"$(MAKE) --silent -f {self.tree}/Makefile inner O=$(O)\ninner:\n"
                  f"\techo $$$$ > {pid}; exec sleep 600")  # fmt: skip
        with mock.patch("vlab.kernels.build._MAKE_S", 2.0):
            with self.assertRaisesRegex(LabError, "make took more than 2 s"):
                build.build(self.tree, [], self.out)
        compiler = Path(f"/proc/{pid.read_text(encoding='utf-8').strip()}")
        for _ in range(500):
            if not compiler.exists():
                return
            time.sleep(0.01)
        self.fail(f"{compiler} is still there")


if __name__ == "__main__":
    unittest.main()
