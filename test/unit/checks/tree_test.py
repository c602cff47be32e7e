"""What changed, and what has been proven of it: a small repository."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from checks.changed import Changes
from checks.ledger import Ledger, files
from checks.step import Result, Step, interrupted_by
from vlab.base.errors import UsageError
from vlab.results.outcome import Outcome


class Tree(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="check-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.git("init", "--quiet")
        self.write("kept", "edited", "gone", "two words")
        self.write(".gitignore", text="ignored\n")
        self.commit()

    def git(self, *arguments: str) -> str:
        own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        command = ["git", *own, "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def write(self, *names: str, text: str = "text\n") -> None:
        for name in names:
            (self.folder / name).write_text(text)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "text")

    def changes(self, since: str = "HEAD") -> set[str]:
        return set(Changes.load(since, self.folder).files)

    def test_changes_of_the_work_tree(self) -> None:
        self.assertEqual(self.changes(), set())
        self.write("edited", "two words", text="else\n")
        self.write("new", "added", "ignored")
        self.git("add", "added")
        (self.folder / "gone").unlink()
        self.assertEqual(self.changes(), {"edited", "two words", "gone", "new", "added"})

    def test_changes_since_a_commit(self) -> None:
        self.write("edited", text="else\n")
        self.commit()
        self.write("new")
        self.assertEqual(self.changes(), {"new"})
        self.assertEqual(self.changes("HEAD~1"), {"edited", "new"})

    def test_what_is_not_a_commit(self) -> None:
        for name in ("nonsense", "--output=x", "HEAD:kept", ""):
            with self.assertRaisesRegex(UsageError, f"no commit is named '{name}'"):
                self.changes(name)

    def test_files_are_named_by_their_content(self) -> None:
        before = self.git("count-objects", "-v"), self.git("status", "--porcelain")
        committed = files(self.folder)
        self.assertEqual(
            committed.keys(), {".gitignore", "kept", "edited", "gone", "two words"}
        )
        self.write("ignored")
        self.assertEqual(files(self.folder), committed)
        self.write("new")
        changed = files(self.folder)
        self.assertEqual(changed, {**committed, "new": committed["kept"]})
        self.assertEqual(self.git("count-objects", "-v"), before[0])
        self.assertEqual(self.git("status", "--porcelain"), "?? new\n")
        self.commit()
        self.assertEqual(files(self.folder), changed)
        (self.folder / "new").chmod(0o755)
        self.assertNotEqual(files(self.folder), changed)


class WhatNightlyHasProven(unittest.TestCase):
    all_of_it = Step("all", [["true"]], {"nightly": 1})
    part = Step("part", [["true"]], {"nightly": 1}, parts=["support/", "ci/lab"])

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="check-")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.files = {"README.md": "1", "ci/lab": "1", "ci/check": "1", "support/a.h": "1"}

    def ledger(self) -> Ledger:
        return Ledger(self.home, [self.all_of_it, self.part], lambda: self.files)

    def passed(self) -> set[str]:
        return set(self.ledger().passed)

    def test_holds_as_long_as_its_files_are_the_same(self) -> None:
        for step in ("all", "part"):
            self.ledger().add(Result(step, Outcome.PASSED))
        proven = dict(self.files)
        self.assertEqual(self.passed(), {"all", "part"})
        for name in ("README.md", "ci/check", "support/README.md"):
            self.files = {**proven, name: "2"}
            self.assertEqual(self.passed(), {"part"}, name)
        for name in ("ci/lab", "support/a.h", "support/b.h"):
            self.files = {**proven, name: "2"}
            self.assertEqual(self.passed(), set(), name)
        del self.files["support/a.h"]
        self.assertEqual(self.passed(), set())
        self.files = proven
        self.assertEqual(self.passed(), {"all", "part"})

    def test_is_about_the_commands(self) -> None:
        self.ledger().add(Result("part", Outcome.PASSED))
        self.part = Step("part", [["false"]], {"nightly": 1}, parts=self.part.parts)
        self.assertEqual(self.passed(), set())

    def test_is_nothing_of_files_that_changed_meanwhile(self) -> None:
        ledger = self.ledger()
        self.files = {**self.files, "README.md": "2"}
        for step in ("all", "part"):
            ledger.add(Result(step, Outcome.PASSED))
        self.assertIn("; their files changed during all: not counted", ledger.summary())
        self.assertEqual(self.passed(), {"part"})

    def test_is_forgotten_where_it_cannot_be_read(self) -> None:
        self.ledger().add(Result("part", Outcome.PASSED))
        for text in ("{", "[]", '{"at": "today", "seconds": "long"}'):
            for record in self.home.glob("part/*.json"):
                record.write_text(text)
            self.assertEqual(self.passed(), set())

    def test_is_summed_up(self) -> None:
        ledger = self.ledger()
        ledger.add(Result("all", Outcome.PASSED, seconds=3720))
        self.assertRegex(
            ledger.summary(),
            r"^1 of 2 steps passed since 20\d\d-\S+ \S+ UTC and took 1 h 02 min, "
            r"0 h 00 min more in the background$",
        )

    def test_counts_the_time_of_what_was_cut_off(self) -> None:
        cut_off = Result("part", Outcome.FAILED, interrupted_by("SIGINT"), seconds=3600)
        for _ in range(2):
            self.ledger().add(cut_off)
        self.assertEqual(self.passed(), set())
        ledger = self.ledger()
        ledger.add(Result("all", Outcome.SKIPPED, interrupted_by("SIGINT")))
        ledger.add(Result("part", Outcome.PASSED, seconds=600))
        for one in (ledger, self.ledger()):
            self.assertIn("1 of 2 steps passed", one.summary())
            self.assertIn("took 2 h 10 min", one.summary())

    def test_a_failure_ends_the_count(self) -> None:
        self.ledger().add(Result("part", Outcome.FAILED, interrupted_by("SIGINT"), seconds=3600))
        self.ledger().add(Result("part", Outcome.FAILED, "exit status 1", seconds=3600))
        self.ledger().add(Result("part", Outcome.PASSED, seconds=600))
        self.assertIn("took 0 h 10 min", self.ledger().summary())

    def test_fresh_leaves_nothing_that_a_step_has_kept(self) -> None:
        self.ledger().add(Result("part", Outcome.PASSED))
        row = self.home / "part" / "gve" / "drop.json"
        row.parent.mkdir()
        row.write_text("{}")
        Ledger(self.home, [self.all_of_it], lambda: self.files, fresh=True)
        self.assertTrue(row.exists())
        Ledger(self.home, [self.part], lambda: self.files, fresh=True)
        self.assertFalse(row.exists())


if __name__ == "__main__":
    unittest.main()
