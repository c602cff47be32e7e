"""Where Debian's packages are fetched from: what apt says of sources like those of real machines."""

import os
import shutil
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.debian import apt

_OTHERS = "deb http://others.example/debian bookworm stable\ndeb http://sid.example/ sid main\n"


@unittest.skipUnless(shutil.which("apt-get"), "there is no apt")
class MirrorTest(unittest.TestCase):
    """A machine with Debian 12 whose lists were removed, as those of a container image are."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self._root = Path(folder.name)
        (self._root / "lists").mkdir()
        (self._root / "parts").mkdir()
        settings = self._root / "apt.conf"
        settings.write_text(
            f'Dir::Etc::sourcelist "{self._root}/sources.list";\n'
            f'Dir::Etc::sourceparts "{self._root}/parts";\n'
            f'Dir::State::lists "{self._root}/lists";\n',
            encoding="utf-8",
        )
        environment = {"APT_CONFIG": str(settings), apt.MIRROR_VARIABLE: ""}
        variables = mock.patch.dict("os.environ", environment)
        variables.start()
        self.addCleanup(variables.stop)
        release = mock.patch.object(apt, "host_release", return_value="bookworm")
        release.start()
        self.addCleanup(release.stop)

    def _sources(self, lines: str) -> None:
        (self._root / "sources.list").write_text(_OTHERS + lines, encoding="utf-8")

    def test_named_by_release_or_as_stable(self) -> None:
        for suite in ("bookworm", "stable"):
            self._sources(f"deb http://mirror.example/debian {suite} main contrib\n")
            self.assertEqual(apt.mirror(), "http://mirror.example/debian/")

    def test_named_in_deb822(self) -> None:
        self._sources("")
        (self._root / "parts" / "debian.sources").write_text(
            "Types: deb\nURIs: http://mirror.example/debian\n"
            "Suites: bookworm bookworm-updates\nComponents: main\n",
            encoding="utf-8",
        )
        self.assertEqual(apt.mirror(), "http://mirror.example/debian/")

    def test_without_lists_at_all(self) -> None:
        (self._root / "lists").rmdir()
        self.test_named_by_release_or_as_stable()

    def test_sources_of_others_are_not_debian(self) -> None:
        self._sources("")
        with self.assertRaisesRegex(LabError, f"name no Debian mirror.*set {apt.MIRROR_VARIABLE}"):
            apt.mirror()

    def test_the_variable_is_asked_first(self) -> None:
        self._sources("deb http://mirror.example/debian bookworm main\n")
        with mock.patch.dict("os.environ", {apt.MIRROR_VARIABLE: "http://mine.example/"}):
            self.assertEqual(apt.mirror(), "http://mine.example/")


class IndexTest(unittest.TestCase):
    """An apt that only counts its updates."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self._top = Path(folder.name)
        self._cache = self._top / "cache"
        self._proxy = ""
        self._updates = 0
        self._reached = True
        keyring = self._top / "keyring"
        keyring.touch()
        patches: list[Any] = [
            mock.patch.dict("os.environ", {apt.MIRROR_VARIABLE: "http://first.example/"}),
            mock.patch.object(apt, "KEYRING", keyring),
            mock.patch.object(apt, "capture", self._capture),
            mock.patch("vlab.base.progress.note"),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def _capture(self, command: Sequence[str], deadline: Deadline, **options: Any) -> str:
        if command[0] == "apt-config":
            return self._proxy
        if command[:2] == ("apt-get", "update"):
            if not self._reached:
                raise LabError("no such host")
            self._updates += 1
        return ""

    def _ask(self) -> None:
        apt.Apt(self._cache, "trixie", backports=False).names("linux-")

    def _setting(self, name: str) -> str:
        return (self._cache / "apt/trixie" / name).read_text(encoding="utf-8")

    def test_is_updated_once_a_day(self) -> None:
        for _ in range(2):
            self._ask()
        self.assertEqual(self._updates, 1)
        os.utime(self._cache / "apt/trixie/updated", (0, 0))
        self._ask()
        self.assertEqual(self._updates, 2)

    def test_an_old_one_does_when_the_mirror_cannot_be_reached(self) -> None:
        self._ask()
        os.utime(self._cache / "apt/trixie/updated", (0, 0))
        self._reached = False
        self._ask()

    def test_of_another_mirror(self) -> None:
        self._ask()
        with mock.patch.dict("os.environ", {apt.MIRROR_VARIABLE: "http://second.example/"}):
            self._ask()
        self.assertIn("http://second.example/", self._setting("sources.list"))
        self.assertEqual(self._updates, 2)

    def test_of_another_mirror_that_cannot_be_reached(self) -> None:
        """The first one's is of no use: apt would find no package at all in it."""
        self._ask()
        self._reached = False
        with mock.patch.dict("os.environ", {apt.MIRROR_VARIABLE: "http://second.example/"}):
            for _ in range(2):
                with self.assertRaisesRegex(LabError, "no such host"):
                    self._ask()

    def test_through_another_proxy(self) -> None:
        self._ask()
        self._proxy = 'Acquire::http::Proxy "http://proxy.example/";\n'
        self._ask()
        self.assertIn(self._proxy, self._setting("apt.conf"))
        self.assertEqual(self._updates, 2)

    def test_in_a_cache_that_was_moved(self) -> None:
        self._ask()
        self._cache = self._cache.rename(self._top / "moved")
        self._ask()
        self.assertIn(f'"{self._cache}/apt/trixie/lists"', self._setting("apt.conf"))
        self.assertEqual(self._updates, 2)


if __name__ == "__main__":
    unittest.main()
