"""Building the programs, by a cmake and a ninja that are scripts."""

import contextlib
import fcntl
import os
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import LabError
from vlab.suites import build


def becomes(predicate: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Building(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.build = self.top / "build"
        self.notes = mock.Mock()
        path = f"{self.top}:{os.environ['PATH']}"
        patches: list[Any] = [
            mock.patch.object(build, "BUILD", self.build),
            mock.patch.object(build, "REPOSITORY", self.top),
            mock.patch("vlab.base.progress.note", self.notes),
            mock.patch.dict("os.environ", PATH=path),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.play("cmake", "touch build/build.ninja")
        self.play("ninja", f"cd build; touch {' '.join(build.PROGRAMS)}")

    def play(self, name: str, script: str) -> None:
        """It waits as long as the file NAME-waits is there."""
        program = self.top / name
        wait = f"while [ -e {self.top}/{name}-waits ]; do sleep 0.01; done"
        program.write_text(
            f"#!/bin/sh -e\ntouch {self.top}/{name}-began\n{wait}\n{script}\n", encoding="utf-8"
        )
        program.chmod(0o755)

    def began(self, name: str) -> bool:
        return (self.top / f"{name}-began").exists()

    def made(self) -> Path:
        with build.building(None) as programs:
            return programs()

    def free(self) -> bool:
        """Whether another build could begin."""
        with open(self.build / ".lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def test_configures_once_and_builds(self) -> None:
        self.assertEqual(self.made(), self.build)
        (self.top / "cmake-began").unlink()
        self.assertEqual(self.made(), self.build)
        self.assertFalse(self.began("cmake"))

    def test_a_build_that_fails(self) -> None:
        self.play("ninja", "exit 1")
        with self.assertRaisesRegex(LabError, "the build failed"):
            self.made()
        self.assertTrue(self.free())

    def test_waits_for_another_build_in_the_folder(self) -> None:
        lab = threading.Thread(target=self.made)
        with build.alone(self.build):
            lab.start()
            self.assertTrue(becomes(lambda: self.notes.called))
            self.assertIn("another build is in", self.notes.call_args.args[0])
            self.assertFalse(self.began("cmake") or self.began("ninja"))
        lab.join()
        self.assertTrue(self.began("ninja"))

    def test_others_wait_until_it_is_done_and_no_longer(self) -> None:
        """The lab may have a kernel to build then."""
        waits = self.top / "ninja-waits"
        waits.touch()
        with build.building(None) as programs:
            self.assertTrue(becomes(lambda: self.began("ninja")))
            self.assertFalse(self.free())
            waits.unlink()
            self.assertTrue(becomes(self.free))
            programs()

    def test_interrupted_it_lets_others_build(self) -> None:
        (self.top / "ninja-waits").touch()
        with contextlib.suppress(KeyboardInterrupt), build.building(None):
            raise KeyboardInterrupt
        self.assertTrue(becomes(self.free))


if __name__ == "__main__":
    unittest.main()
