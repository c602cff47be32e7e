"""What is told of a kernel's coverage, from counters that gcov makes here."""

import gzip
import io
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from vlab.base.errors import LabError
from vlab.commands import coverage as command
from vlab.kernels import profiled
from vlab.results import coverage
from vlab.results.coverage import Covered

_SOURCE = """\
int both(int value) { return value ? 1 : 2; }
int idle(void) {
  return 3;
}
int main(int count, char** words) {
  (void)words;
  if (count > 1)
    return both(0);
  return both(count) - 1;
}
"""


class Suites(unittest.TestCase):
    def test_the_kernels_own_needs_a_nic(self) -> None:
        both = ["ours", "kernel"]
        self.assertEqual(list(command._of_lab(both, "gve")), both)
        self.assertEqual(list(command._of_lab(both, "none")), ["ours"])

    def test_a_lab_without_a_nic_tells_of_no_driver(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("io_uring/zcrx.c", "drivers/net/ethernet/google/gve/gve_rx.c"):
                (Path(folder) / name).parent.mkdir(parents=True)
                (Path(folder) / name).touch()
            self.assertEqual(profiled.files(Path(folder), ["none"]), [Path("io_uring/zcrx.c")])


class Coverage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree, self.build = Path(folder.name) / "linux", Path(folder.name) / "out"
        for top in (self.tree, self.build):
            (top / "net").mkdir(parents=True)
        self.source = Path("net/main.c")
        (self.tree / self.source).write_text(_SOURCE, encoding="utf-8")
        compile_it = f"gcc --coverage -O0 -c {self.tree / self.source} -o net/main.o"
        for command in (compile_it, "gcc --coverage net/main.o -o main"):
            subprocess.run(command.split(), cwd=self.build, check=True)

    def counters(self, *arguments: str, name: str = "net/main.gcda") -> bytes:
        """As a guest sends them after a run with `arguments`."""
        gcda = self.build / "net/main.gcda"
        gcda.unlink(missing_ok=True)
        subprocess.run([self.build / "main", *arguments], check=False)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add(gcda, f"./{name}")
        return content.getvalue()

    def take(self, counters: bytes, name: str) -> Path:
        info = self.build / f"{name}.info"
        coverage.take(counters, self.build, [self.source, Path("net/never_built.c")], info)
        return info

    def test_lines_branches_and_functions_add_up_over_runs(self) -> None:
        parts = [self.take(self.counters(), "one"), self.take(self.counters("word"), "two")]
        one, two = (coverage.read(part, self.tree)["net/main.c"] for part in parts)
        self.assertEqual((one.lines[8], one.lines[9]), (0, 1))
        self.assertEqual((two.lines[8], two.lines[9]), (1, 0))
        merged = self.build / "merged.info"
        coverage.merge(parts, self.tree, [self.source], merged)
        both = coverage.read(merged, self.tree)["net/main.c"]
        self.assertEqual((both.lines[8], both.lines[9], both.lines[3]), (1, 1, 0))
        self.assertEqual(both.functions, {"both": 2, "idle": 0, "main": 2})
        self.assertEqual(sorted(both.branches.values()), [1, 1, 1, 1])

    def test_the_page_shows_the_source(self) -> None:
        info = self.take(self.counters(), "one")
        coverage.page(info, self.tree, "a title", self.build / "html")
        self.assertTrue((self.build / "html/net/main.c.gcov.html").exists())
        self.assertIn("a title", (self.build / "html/index.html").read_text(encoding="utf-8"))

    def test_counters_that_are_none(self) -> None:
        good = self.counters()
        link = _archive("net/main.gcda", kind=tarfile.SYMTYPE)
        for hostile in (b"", b"no archive", self.counters(name="../../main.gcda"), link,
                        good[:600], gzip.compress(good), gzip.compress(good)[:40]):  # fmt: skip
            with self.assertRaisesRegex(LabError, "counters"):
                self.take(hostile, "hostile")

    def test_what_only_one_suite_reaches(self) -> None:
        # Lines 4 and 5 hold no code.
        ours = {"a.c": Covered({1: 2, 2: 1, 3: 1, 6: 1, 7: 0, 8: 3}), "b.c": Covered({1: 1})}
        other = {"a.c": Covered({1: 1, 2: 0, 3: 0, 6: 0, 7: 1, 8: 0}), "b.c": Covered({1: 1})}
        self.assertEqual(coverage.only_in(ours, other), ["a.c: 2-6 8"])
        self.assertEqual(coverage.only_in(other, ours), ["a.c: 7"])
        self.assertEqual(coverage.only_in(ours, {}), ["a.c: 1-6 8", "b.c: 1"])

    def test_the_table(self) -> None:
        half = Covered({1: 1, 2: 0}, {"1,0,0": 1, "1,0,1": 0, "1,0,2": 0})
        lines = coverage.table({"ours": {"a.c": half}, "kernel": {}})
        self.assertEqual(lines[2].split(), ["a.c", "50.0", "%", "33.3", "%", "-", "-"])
        self.assertEqual(
            coverage.never_called({"a.c": Covered(functions={"f": 0, "g": 1, "e": 0})}), ["a.c: e f"]
        )


def _archive(name: str, kind: bytes) -> bytes:
    """With one member, which links to itself."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, name
        archive.addfile(member)
    return content.getvalue()


if __name__ == "__main__":
    unittest.main()
