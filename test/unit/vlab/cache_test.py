"""The cache of labs that run at the same time: what is written, kept and removed."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab.base import cache
from vlab.base.errors import LabError


class CacheTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environment = mock.patch.dict("os.environ", XDG_CACHE_HOME=folder.name)
        environment.start()
        self.addCleanup(environment.stop)

    def make(self, name: str) -> Path:
        target = cache.folder() / name
        with cache.once(target) as partial:
            assert partial is not None
            (partial / "file").write_bytes(b"content")
        return target

    def test_a_reader_sees_the_old_text_or_the_new(self) -> None:
        path = cache.folder() / "verdicts" / "one"
        cache.write(path, "old")
        with open(path, encoding="utf-8") as reader:
            cache.write(path, "new")
            self.assertEqual(reader.read(), "old")
        self.assertEqual(path.read_text(encoding="utf-8"), "new")
        self.assertEqual(list(path.parent.iterdir()), [path])

    def test_all_but_the_newest_two_of_a_name_are_superseded(self) -> None:
        old = [
            self.make("kernels/7.3.9+deb13-cloud-amd64-virtio_pci+gve"),
            self.make("trees/qemu-0123456789ab"),
        ]
        for name in (
            "kernels/7.3.10+deb13-cloud-amd64-virtio_pci+gve",
            "kernels/7.3.11+deb13-cloud-amd64-virtio_pci+gve",
            "kernels/7.3.2+deb13-amd64-virtio_pci+bnxt_en",
            "kernels/6.12.9+deb13-cloud-amd64-virtio_pci+gve",
            "trees/qemu-ba9876543210",
            "trees/qemu-aaaaaaaaaaaa",
            "trees/guest-0123456789ab",
            "apt/trixie-backports",
            "apt/bookworm",
            "apt/trixie",
        ):
            self.make(name)
        self.assertEqual(sorted(cache.superseded()), old)

    def test_builds_of_an_older_source_are_superseded(self) -> None:
        """Named by source, options and a key of their own."""
        old = self.make("builds/linux-source-7.3-0123456789ab-kasan-111111111111")
        self.make("builds/linux-source-7.3-ba9876543210-kasan-222222222222")
        self.make("builds/linux-source-7.3-aaaaaaaaaaaa-kasan-333333333333")
        self.make("builds/linux-source-7.3-aaaaaaaaaaaa-kcsan-444444444444")
        self.assertEqual(cache.superseded(), [old])

    def test_what_was_cut_off_is_superseded_though_nothing_will_be_made_of_it(self) -> None:
        left = cache.folder() / "sources" / ".linux-source-7.3-0123456789ab.part"
        left.mkdir(parents=True)
        self.assertEqual(cache.superseded(), [left])
        cache.remove(left)
        self.assertEqual(cache.superseded(), [])

    def test_saved_guests_are_superseded_whenever_nobody_uses_them(self) -> None:
        saved = cache.folder() / "guests" / "0123456789abcdef01234567"
        saved.mkdir(parents=True)
        (saved.parent / ".0123456789abcdef01234567.lock").touch()
        self.assertEqual(cache.superseded(), [saved])

    def test_an_empty_cache(self) -> None:
        self.assertEqual(cache.superseded(), [])

    def test_what_is_removed_can_be_made_again(self) -> None:
        target = self.make("trees/qemu-0123456789ab")
        cache.remove(target)
        self.assertFalse(target.exists())
        self.assertEqual(self.make("trees/qemu-0123456789ab"), target)

    def test_a_removal_that_is_interrupted_leaves_nothing_that_looks_whole(self) -> None:
        target = self.make("trees/qemu-0123456789ab")
        with mock.patch("shutil.rmtree", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                cache.remove(target)
        self.assertFalse(target.exists())
        self.assertEqual(len(cache.superseded()), 1)
        self.assertEqual((self.make(f"trees/{target.name}") / "file").read_bytes(), b"content")

    def test_labs_hold_it_together_and_nobody_cleans_meanwhile(self) -> None:
        with cache.held(), cache.held():
            with self.assertRaisesRegex(LabError, "a lab is running"):
                with cache.held(alone=True):
                    self.fail("held by two and by one alone")
        with cache.held(alone=True):
            pass


if __name__ == "__main__":
    unittest.main()
