"""Which kernel of a series is taken, from lists of packages as the archive has them."""

import os
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from vlab.base import cache
from vlab.base.errors import LabError
from vlab.kernels.debian import Kernels

_ARCHIVE = """
linux-image-6.18.9+deb13-cloud-amd64 linux-image-6.18.15+deb13-cloud-amd64
linux-image-6.18.15+deb13-rt-amd64 linux-image-6.18.16+deb13-amd64
linux-image-7.1.13+deb13-cloud-amd64 linux-binary-7.1.13+deb13-cloud-amd64
linux-binary-7.3.4+deb13-cloud-amd64 linux-modules-7.3.4+deb13-cloud-amd64
linux-image-7.3.4+deb13-cloud-amd64 linux-binary-unsigned-7.3.4+deb13-cloud-amd64
linux-binary-7.3.10+deb13-cloud-amd64 linux-modules-7.3.10+deb13-cloud-amd64
linux-binary-7.3.11+deb13-cloud-amd64 linux-image-cloud-amd64
""".split()


class FakeApt:
    """Lists packages, and unpacks a kernel that is a mere vmlinuz."""

    def __init__(self) -> None:
        self.unpacked: list[str] = []

    def names(self, prefix: str) -> list[str]:
        return [name for name in _ARCHIVE if name.startswith(prefix)]

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        self.unpacked += packages
        boot = into / "boot"
        boot.mkdir()
        (boot / "vmlinuz-any").write_bytes(b"kernel")


class KernelsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environment = mock.patch.dict("os.environ", XDG_CACHE_HOME=folder.name)
        environment.start()
        self.addCleanup(environment.stop)
        self.apt = FakeApt()
        self.kernels = Kernels(self.apt)  # type: ignore[arg-type]

    def test_point_releases_are_numbers(self) -> None:
        kernel = self.kernels.get("7.3", "cloud", [])
        self.assertEqual(kernel.release, "7.3.10+deb13-cloud-amd64")
        self.assertEqual(kernel.version, "7.3.10")
        self.assertEqual(kernel.image.read_bytes(), b"kernel")
        self.assertEqual(
            self.apt.unpacked,
            ["linux-binary-7.3.10+deb13-cloud-amd64", "linux-modules-7.3.10+deb13-cloud-amd64"],
        )

    def test_one_package_where_the_image_holds_the_modules(self) -> None:
        self.kernels.get("6.18", "cloud", [])
        self.assertEqual(self.apt.unpacked, ["linux-image-6.18.15+deb13-cloud-amd64"])

    def test_flavours_are_apart(self) -> None:
        self.assertEqual(self.kernels.get("6.18", "full", []).version, "6.18.16")

    def test_a_kernel_is_fetched_once(self) -> None:
        for _ in range(2):
            self.kernels.get("6.18", "cloud", [])
        self.assertEqual(len(self.apt.unpacked), 1)

    def test_a_lab_that_reads_meanwhile_sees_a_whole_answer(self) -> None:
        self.kernels.get("6.18", "cloud", [])
        (memory,) = cache.folder().glob("kernels/newest-*.json")
        memory.write_text("of yesterday", encoding="utf-8")
        os.utime(memory, (0, 0))
        with open(memory, encoding="utf-8") as reader:
            self.kernels.get("6.18", "cloud", [])
            self.assertEqual(reader.read(), "of yesterday")

    def test_an_answer_that_a_loss_of_power_has_emptied_is_asked_for_again(self) -> None:
        self.kernels.get("6.18", "cloud", [])
        (memory,) = cache.folder().glob("kernels/newest-*.json")
        memory.write_bytes(b"")
        self.assertEqual(self.kernels.get("6.18", "cloud", []).version, "6.18.15")
        self.assertNotEqual(memory.read_bytes(), b"")

    def test_a_series_without_modules_is_refused_with_those_that_have_them(self) -> None:
        with self.assertRaisesRegex(LabError, r"cloud kernel 7\.1 .*; there are 6\.18, 7\.3$"):
            self.kernels.get("7.1", "cloud", [])


if __name__ == "__main__":
    unittest.main()
