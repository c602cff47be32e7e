"""Where Debian's packages are fetched from: what apt says of sources like those of real machines."""

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

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


if __name__ == "__main__":
    unittest.main()
