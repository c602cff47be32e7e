"""Files that a guest has replaced."""

import os
import tempfile
import unittest
from pathlib import Path

from vlab.results import guest_file


class Read(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "file"

    def test_a_regular_file_up_to_so_many_bytes(self) -> None:
        self.path.write_bytes(b"12345")
        self.assertEqual(guest_file.read(self.path, 5), b"12345")
        self.assertEqual(guest_file.read(self.path, 4), b"1234")
        self.assertEqual(guest_file.read(self.path, 2, 1), b"23")

    def test_a_link_is_not_followed(self) -> None:
        target = self.path.with_name("target")
        target.write_bytes(b"secret")
        self.path.symlink_to(target)
        with self.assertRaisesRegex(OSError, "symbolic links"):
            guest_file.read(self.path, 5)

    def test_a_fifo_is_not_waited_for(self) -> None:
        os.mkfifo(self.path)
        with self.assertRaisesRegex(OSError, "not a regular file"):
            guest_file.read(self.path, 5)

    def test_a_folder(self) -> None:
        self.path.mkdir()
        with self.assertRaisesRegex(OSError, "not a regular file"):
            guest_file.read(self.path, 5)

    def test_none(self) -> None:
        with self.assertRaises(FileNotFoundError):
            guest_file.read(self.path, 5)


if __name__ == "__main__":
    unittest.main()
