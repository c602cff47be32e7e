"""ci/lint on a project of one source and a clang-tidy that finds each FINDING and counts its runs."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab.base import cache

_LINT = Path(__file__).resolve().parents[3] / "ci/lint"
_TIDY = """\
#!/bin/sh
for word; do [ "$word" = --version ] && exit; done
for word; do case $word in *.cc) source=$word ;; --) break ;; esac; done
echo "$source" >>"$(dirname "$0")/runs"
cat "$source" "$(dirname "$source")/lib.h" >"$(dirname "$0")/seen"
for file in "$source" "$(dirname "$source")/lib.h"; do
  grep -n FINDING "$file" | sed "s|^\\([0-9]*\\):.*|$file:\\1:1: error: found|"
done
[ -x "$(dirname "$0")/meanwhile" ] && "$(dirname "$0")/meanwhile"
! grep -q FINDING "$(dirname "$0")/seen"
"""


class Lint(unittest.TestCase):
    def setUp(self) -> None:
        loader = importlib.machinery.SourceFileLoader("lint", str(_LINT))
        spec = importlib.util.spec_from_loader("lint", loader)
        assert spec
        with mock.patch("sys.dont_write_bytecode", True):
            self.lint = importlib.util.module_from_spec(spec)
            with mock.patch.dict("sys.modules", {"lint": self.lint}):
                loader.exec_module(self.lint)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name).resolve()
        self.project = self.top / "project"
        self.project.mkdir()
        tidy = self.top / "tidy"
        tidy.write_text(_TIDY, encoding="utf-8")
        tidy.chmod(0o755)
        changes = contextlib.ExitStack()
        self.addCleanup(changes.close)
        changes.enter_context(mock.patch.object(self.lint, "_REPOSITORY", self.project))
        changes.enter_context(mock.patch.object(self.lint, "_tidy", lambda: [str(tidy)]))
        home = {"XDG_CACHE_HOME": str(self.top / "cache")}
        changes.enter_context(mock.patch.dict("os.environ", home))
        self._write("lib.h", "int Lib();\n")
        self._write("a.cc", '#include "lib.h"\nint A() { return Lib(); }\n')
        self._write(".clang-tidy", "Checks: '*'\n")
        subprocess.run(["git", "init", "-q"], cwd=self.project, check=True)
        subprocess.run(["git", "add", "."], cwd=self.project, check=True)

    def _write(self, name: str, text: str) -> None:
        (self.project / name).write_text(text, encoding="utf-8")

    def _run(self, *options: str, command: str = "c++ -Wall") -> tuple[int, str]:
        source = str(self.project / "a.cc")
        entry = {"file": source, "command": f"{command} -o a.o -c {source}"}
        self._write("compile_commands.json", json.dumps([entry]))
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status: int = self.lint.main([str(self.project), *options])
        return status, out.getvalue()

    def _runs(self) -> int:
        return len((self.top / "runs").read_text(encoding="utf-8").splitlines())

    def test_tells_a_finding_with_file_and_line_each_time(self) -> None:
        self._write("a.cc", '#include "lib.h"\n\nint A(); // FINDING\n')
        for _ in range(2):
            self.assertEqual(self._run(), (1, "a.cc:3:1: error: found\n"))

    def test_looks_at_what_is_clean_once(self) -> None:
        self.assertEqual([self._run(), self._run()], [(0, ""), (0, "")])
        self.assertEqual(self._runs(), 1)

    def test_looks_again_when_anything_that_the_compiler_sees_changes(self) -> None:
        self.assertEqual(self._run(), (0, ""))
        self._write("lib.h", "int Lib(); // FINDING\n")
        self.assertEqual(self._run(), (1, "lib.h:1:1: error: found\n"))
        self._write("lib.h", "int Lib();\n")
        self._write(".clang-tidy", "Checks: 'bugprone-*'\n")
        self.assertEqual(self._run(), (0, ""))
        self.assertEqual(self._run(command="c++ -Wall -DX=1"), (0, ""))
        self.assertEqual(self._runs(), 4)

    def test_what_is_edited_meanwhile_is_not_marked_clean(self) -> None:
        meanwhile = self.top / "meanwhile"
        edit = f"echo '// FINDING' >>{self.project / 'lib.h'}"
        meanwhile.write_text(f"#!/bin/sh\n{edit}\n", encoding="utf-8")
        meanwhile.chmod(0o755)
        self.assertEqual(self._run(), (0, ""))
        meanwhile.unlink()
        self.assertEqual(self._run(), (1, "lib.h:2:1: error: found\n"))
        self._write("lib.h", "int Lib();\n")
        self.assertEqual(self._run(), (0, ""))
        self.assertEqual(self._runs(), 3)

    def test_a_clang_tidy_that_fails_and_says_nothing_is_no_clean_one(self) -> None:
        tidy = self.top / "tidy"
        for script, said in (
            ("echo; exit 3", "a.cc: clang-tidy ended with status 3\n"),
            ("echo; echo out of memory >&2; exit 3", "out of memory\n"),
        ):
            version = 'for word; do [ "$word" = --version ] && exit; done'
            tidy.write_text(f"#!/bin/sh\n{version}\n{script}\n", encoding="utf-8")
            self.assertEqual(self._run(), (1, said))

    def test_a_header_that_is_missing_is_one_sentence(self) -> None:
        self._write("a.cc", '#include "gone.h"\n')
        status, said = self._run()
        self.assertEqual((status, said.count("\n")), (1, 1), said)
        self.assertRegex(said, r"^a\.cc: its headers are unknown: c\+\+: .*gone\.h: No such file")

    def test_a_project_without_git_is_one_sentence(self) -> None:
        (self.project / ".git").rename(self.top / "git")
        status, said = self._run()
        self.assertEqual((status, said.count("\n")), (5, 1), said)
        self.assertIn("ci/lint: git: fatal: not a git repository", said)

    def test_holds_the_cache(self) -> None:
        with mock.patch.object(self.lint, "_sources") as sources:
            sources.side_effect = lambda builds: self.enterContext(cache.held(alone=True))
            status, said = self._run()
        self.assertEqual(status, 5)
        self.assertIn("a lab is running", said)

    def test_the_analyzer_has_marks_of_its_own(self) -> None:
        for _ in range(2):
            self.assertEqual(self._run(), (0, ""))
            self.assertEqual(self._run("--analyze"), (0, ""))
        self.assertEqual(self._runs(), 2)

    def test_another_clone_knows_what_is_clean(self) -> None:
        self.assertEqual(self._run(), (0, ""))
        self.project = self.project.rename(self.top / "clone")
        with mock.patch.object(self.lint, "_REPOSITORY", self.project):
            self.assertEqual(self._run(), (0, ""))
        self.assertEqual(self._runs(), 1)

    def test_a_precompiled_header_hides_no_forgotten_include(self) -> None:
        for words in ("-Winvalid-pch -include x.h", "-Xclang -include-pch -Xclang x.pch"):
            self.assertEqual(
                self.lint._options(f"-O2 {words} -o a.o -c a.cc".split(), "a.cc"), ("-O2",)
            )

    def test_refuses_a_source_that_nothing_compiles(self) -> None:
        self._write("b.cc", "\n")
        subprocess.run(["git", "add", "b.cc"], cwd=self.project, check=True)
        status, said = self._run()
        self.assertEqual(status, 2)
        self.assertIn(f"none of the build folders compiles {self.project / 'b.cc'}", said)


if __name__ == "__main__":
    unittest.main()
