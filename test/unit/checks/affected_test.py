"""Which tests a change affects: a build of two programs, and a test in Python."""

import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from checks.affected import Build

# As of a compiler that was asked for dependencies: each object is made of its source and a header.
_NINJA = """
rule cc
  command = printf '$out: %s %s\\n' $in $header >$out.d && cat $in $header >$out
  depfile = $out.d
  deps = gcc
rule link
  command = cat $in >$out
build a.o: cc ../src/a.cc
  header = ../src/a.h
build b.o: cc ../src/b.cc
  header = ../src/b.h
build helper: link b.o
build tests/a_test: link a.o || helper
build tests/b_test: link b.o
"""


class Affected(unittest.TestCase):
    top: Path

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="check-")
        cls.addClassCleanup(folder.cleanup)
        cls.top = Path(folder.name).resolve()
        for name in ("src", "build", "ci", "test/unit/py"):
            (cls.top / name).mkdir(parents=True)
        for name in ("a.cc", "a.h", "b.cc", "b.h", "unused.h"):
            (cls.top / "src" / name).write_text("text\n")
        (cls.top / "build/build.ninja").write_text(_NINJA)
        subprocess.run(["ninja", "-C", cls.top / "build", "--quiet"], check=True)

    def build(self, *changed: str) -> Build:
        return Build(self.top / "build", self.top, frozenset(changed))

    def affected(self, *changed: str) -> str:
        build = self.build(*changed)
        tests = {
            "a": self.told(f"{self.top}/build/tests/a_test"),
            "b": self.told(f"{self.top}/build/tests/b_test"),
            "p": self.told("/usr/bin/python3", "-m", "unittest", f"HELPER={self.top}/build/helper"),
        }
        return " ".join(name for name, test in tests.items() if build.affects(test))

    def told(self, *words: str) -> dict[str, Any]:
        """As ctest tells of it; a word with = is of the environment."""
        environment = [word for word in words if "=" in word]
        properties: list[dict[str, Any]] = [
            {"name": "WORKING_DIRECTORY", "value": str(self.top / "test/unit/py")}
        ]
        if environment:
            properties.append({"name": "ENVIRONMENT", "value": environment})
        return {"command": [word for word in words if "=" not in word], "properties": properties}

    def test_a_source_and_a_header(self) -> None:
        self.assertEqual(self.affected("src/a.cc"), "a")
        self.assertEqual(self.affected("src/a.h"), "a")

    def test_a_program_that_a_test_starts(self) -> None:
        """a_test and the test in Python start the helper, which is made of b."""
        self.assertEqual(self.affected("src/b.h"), "a b p")

    def test_python(self) -> None:
        for name in ("test/unit/py/x_test.py", "ci/vlab/x.py", "conf/faults.toml"):
            self.assertEqual(self.affected(name), "p", name)

    def test_what_no_test_is_made_of(self) -> None:
        for name in ("README.md", "ci/README.md", "src/unused.h", "ci/vnic/x.cc", "src/deleted.cc"):
            self.assertEqual(self.affected(name), "", name)

    def test_a_test_that_is_not_built(self) -> None:
        """It fails when it is run."""
        self.assertTrue(self.build("README.md").affects({"properties": []}))

    def test_how_everything_is_built(self) -> None:
        self.assertEqual(self.affected("support/CMakeLists.txt"), "a b p")


if __name__ == "__main__":
    unittest.main()
