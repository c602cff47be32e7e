"""Kernels of the user's own, from trees, packages and images that are made here."""

import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from images import bzimage_of, elf_with, module_of

from vlab.base.errors import LabError, UsageError
from vlab.base.paths import REPOSITORY
from vlab.kernels import config, own, parts
from vlab.kernels.kernel import Kernel

_RELEASE = "7.3.0-rc1-00012-g0123abc"
_FRAGMENTS = [REPOSITORY / "conf/kernel" / name for name in ("lab.config", "suite.config")]


class OwnKernel(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        environment = mock.patch.dict("os.environ", XDG_CACHE_HOME=str(self.folder / "cache"))
        environment.start()
        self.addCleanup(environment.stop)
        self.notes = mock.patch("vlab.base.progress.note").start()
        self.addCleanup(mock.patch.stopall)

    def write(self, path: Path, content: bytes | str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def tree(self) -> Path:
        """Built, with the driver as a module and virtio built in."""
        tree = self.folder / "linux"
        self.write(tree / "Kbuild", "")
        self.write(tree / "arch/x86/boot/bzImage", bzimage_of(b"image", _RELEASE))
        self.write(tree / ".config", "".join(path.read_text() for path in _FRAGMENTS))
        self.write(tree / "modules.order", "drivers/nic/nic-core.o\nlib/helper.o\n")
        self.write(tree / "modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n")
        self.write(tree / "drivers/nic/nic-core.ko", module_of("helper"))
        self.write(tree / "lib/helper.ko", module_of())
        return tree

    def get(self, path: Path) -> Kernel:
        return own.get(path, ["virtio_pci", "nic_core"])

    def refused(self, path: Path, why: str) -> None:
        with self.assertRaisesRegex(UsageError, why):
            self.get(path)
        self.assertEqual(list((self.folder / "cache").glob("*/kernels/[!.]*")), [])

    def test_a_tree_gives_its_driver_behind_what_that_needs(self) -> None:
        kernel = self.get(self.tree())
        self.assertEqual(kernel.release, _RELEASE)
        self.assertEqual([module.name for module in kernel.modules], ["helper.ko", "nic_core.ko"])
        self.assertEqual(kernel.image.read_bytes(), bzimage_of(b"image", _RELEASE))
        self.notes.assert_not_called()

    def test_a_tree_is_read_again_only_once_it_was_made_again(self) -> None:
        tree = self.tree()
        first = self.get(tree)
        self.assertEqual(self.get(tree), first)
        self.write(tree / "drivers/nic/nic-core.ko", module_of("helper", "virtio_pci"))
        self.assertNotEqual(self.get(tree).modules, first.modules)

    def test_a_package(self) -> None:
        root = self.folder / "root"
        self.write(root / f"boot/vmlinuz-{_RELEASE}", bzimage_of(b"image", _RELEASE))
        modules = root / "lib/modules" / _RELEASE
        self.write(modules / "kernel/nic-core.ko", module_of())
        self.write(modules / "modules.builtin", "kernel/virtio_pci.ko\n")
        self.write(root / "DEBIAN/control", "Package: k\nVersion: 1\nArchitecture: amd64\n"
                   "Maintainer: nobody <nobody@localhost>\nDescription: a kernel\n")  # fmt: skip
        package = self.folder / "linux.deb"
        subprocess.run(["dpkg-deb", "-b", root, package], check=True, capture_output=True)
        kernel = self.get(package)
        self.assertEqual(kernel.release, _RELEASE)
        self.assertEqual([module.name for module in kernel.modules], ["nic_core.ko"])

    def test_an_image_has_all_built_in(self) -> None:
        kernel = self.get(self.write(self.folder / "bzImage", bzimage_of(b"image", _RELEASE)))
        self.assertEqual((kernel.release, kernel.modules), (_RELEASE, []))

    def test_a_module_in_place_of_the_kernels_own(self) -> None:
        kernel = self.get(self.tree())
        file = self.write(self.folder / "mine/nic-core.ko", module_of(release=_RELEASE))
        mine = own.with_module(kernel, file)
        self.assertEqual(mine.modules[0], kernel.modules[0])
        self.assertEqual(mine.modules[1].read_bytes(), module_of(release=_RELEASE))

    def test_a_module_that_is_made_anew_meanwhile_is_not_kept_as_the_new_one(self) -> None:
        kernel = self.get(self.tree())
        file = self.write(self.folder / "nic-core.ko", module_of(release=_RELEASE))
        new = module_of("helper", release=_RELEASE)
        read = parts.read_module

        def then_made(path: Path) -> bytes:
            content = read(path)
            self.write(file, new)
            return content

        with mock.patch.object(parts, "read_module", then_made):
            with self.assertRaisesRegex(LabError, "nic-core.ko changed while it was read"):
                own.with_module(kernel, file)
        self.assertEqual(own.with_module(kernel, file).modules[1].read_bytes(), new)

    def test_a_module_packed_as_distributions_do(self) -> None:
        kernel = self.get(self.tree())
        plain = self.write(self.folder / "nic-core.ko", module_of(release=_RELEASE))
        for command, name in (("zstd -q", "zst"), ("xz -k", "xz"), ("gzip -k", "gz")):
            subprocess.run([*command.split(), plain], check=True)
            mine = own.with_module(kernel, plain.with_name(f"nic-core.ko.{name}"))
            self.assertEqual(mine.modules[1].read_bytes(), plain.read_bytes())
        broken = self.write(self.folder / "nic-core.ko.zst", b"not packed")
        with self.assertRaisesRegex(UsageError, "zst cannot be read as a kernel module: zstd"):
            own.with_module(kernel, broken)

    def test_a_module_that_does_not_fit(self) -> None:
        kernel = self.get(self.tree())
        for name, content, why in (
            ("nic-core.ko", module_of(release="7.2.0"), "is built for Linux 7.2.0, not 7.3"),
            ("other.ko", module_of(release=_RELEASE), "does not load other.ko; it loads helper.ko nic_"),
            ("text.ko", b"text", "text.ko cannot be read as a kernel module: not a 64-bit"),
        ):
            file = self.write(self.folder / name, content)
            with self.subTest(name), self.assertRaisesRegex(UsageError, why):
                own.with_module(kernel, file)
        with self.assertRaisesRegex(UsageError, "cannot be read .* No such file"):
            own.with_module(kernel, self.folder / "absent.ko")

    def test_a_module_cut_off_anywhere(self) -> None:
        kernel = self.get(self.tree())
        whole = module_of(release=_RELEASE)
        for length in range(len(whole)):
            file = self.write(self.folder / "nic-core.ko", whole[:length])
            with self.subTest(length), self.assertRaises(UsageError):
                own.with_module(kernel, file)

    def test_an_image_cut_off_anywhere(self) -> None:
        whole = bzimage_of(b"image", _RELEASE)
        for length in (0, 4, 0x206, 0x20F, 0x300, len(whole) - len(b"what follows") - 1):
            image = self.write(self.folder / "bzImage", whole[:length])
            with self.subTest(length), self.assertRaises(UsageError):
                self.get(image)

    def test_modules_that_need_each_other(self) -> None:
        tree = self.tree()
        self.write(tree / "lib/helper.ko", module_of("nic_core"))
        self.assertEqual(len(self.get(tree).modules), 2)

    def test_what_is_no_kernel(self) -> None:
        self.refused(self.folder, "is not a kernel tree")
        text = self.write(self.folder / "text", "no kernel")
        self.refused(text, "text is neither a bzImage, nor a vmlinux, nor a .deb, nor a folder")
        banner = b"Linux version 7.3.0 (who@where)" + bytes(1000)
        no_entry = self.write(self.folder / "vmlinux", elf_with(".rodata", banner))
        self.refused(no_entry, "vmlinux cannot be started: it is cut off or has no entry")
        arm = bytearray(elf_with(".rodata", banner))
        arm[18] = 183
        self.refused(self.write(self.folder / "Image", bytes(arm)), "is not a kernel for x86-64")
        self.refused(self.write(self.folder / "a.deb", "no package"), "a.deb: cannot be unpacked")

    def test_a_tree_that_is_not_built(self) -> None:
        tree = self.tree()
        (tree / "arch/x86/boot/bzImage").unlink()
        self.refused(tree, "is not built for x86-64: it has no arch/x86/boot/bzImage or vmlinux; run make")

    def test_one_that_takes_longer_for_each_access_to_memory(self) -> None:
        tree = self.tree()
        self.assertFalse(self.get(tree).is_slow)
        with (tree / ".config").open("a") as file:
            file.write("CONFIG_KASAN=y\n")
        self.assertTrue(self.get(tree).is_slow)

    def test_what_it_is_built_with(self) -> None:
        tree = self.tree()
        self.assertEqual(self.get(tree).options, frozenset())
        with (tree / ".config").open("a") as file:
            file.write(config.options()["kmemleak"].read_text() + "CONFIG_KASAN=y\n")
        self.assertEqual(self.get(tree).options, {"kmemleak"})  # kasan takes more than that
        image = self.write(self.folder / "bzImage", bzimage_of(b"image", _RELEASE))
        self.assertEqual(self.get(image).options, frozenset())

    def test_a_driver_that_is_not_there(self) -> None:
        tree = self.tree()
        (tree / "drivers/nic/nic-core.ko").unlink()
        self.refused(tree, "has neither built in nor as a module: nic_core$")

    def test_what_the_lab_and_the_suite_need(self) -> None:
        tree = self.tree()
        text = (tree / ".config").read_text()
        self.write(tree / ".config", text.replace("CONFIG_SERIAL_8250_CONSOLE=y", ""))
        self.refused(tree, r"cannot boot in the lab: it lacks CONFIG_SERIAL_8250_CONSOLE=y \(")
        self.write(tree / ".config", text.replace("CONFIG_UDMABUF=y", "# not set"))
        self.get(tree)
        (said,) = self.notes.call_args.args
        self.assertIn("lacks what tests need: CONFIG_UDMABUF=y (", said)


class Lacks(unittest.TestCase):
    def test_what_may_be_a_module_may_be_built_in(self) -> None:
        self.assertEqual(config.lacks({"A": "y"}, {"A": "m"}), [])
        self.assertEqual(config.lacks({"A": "m"}, {"A": "m"}), [])
        self.assertEqual(config.lacks({"A": "m"}, {"A": "y"}), ["A=y"])
        self.assertEqual(config.lacks({}, {"A": "m"}), ["A=m"])


if __name__ == "__main__":
    unittest.main()
