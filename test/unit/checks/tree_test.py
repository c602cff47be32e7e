"""What changed, and what name the tree has: a small repository."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from checks.changed import Changes
from checks.ledger import Ledger, tree_id
from checks.step import Result
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

    def test_the_name_is_of_the_content(self) -> None:
        committed = self.git("rev-parse", "HEAD^{tree}").strip()
        before = self.git("count-objects", "-v"), self.git("status", "--porcelain")
        self.assertEqual(tree_id(self.folder), committed)
        self.write("ignored")
        self.assertEqual(tree_id(self.folder), committed)
        self.write("new")
        changed = tree_id(self.folder)
        self.assertNotEqual(changed, committed)
        self.assertEqual(self.git("count-objects", "-v"), before[0])
        self.assertEqual(self.git("status", "--porcelain"), "?? new\n")
        self.commit()
        self.assertEqual(tree_id(self.folder), changed)

    def test_a_step_proves_nothing_of_a_tree_that_changed_meanwhile(self) -> None:
        home = self.folder / "ignored"
        tree = "before"
        ledger = Ledger(home, lambda: tree)
        ledger.add(Result("a", Outcome.PASSED))
        tree = "after"
        ledger.add(Result("b", Outcome.PASSED))
        self.assertIn("; the tree changed during b: not counted", ledger.summary())
        tree = "before"
        self.assertEqual(list(Ledger(home, lambda: tree).passed), ["a"])

    def test_a_ledger_that_cannot_be_read(self) -> None:
        home = self.folder / "ignored"
        Ledger(home, lambda: "tree").add(Result("a", Outcome.PASSED))
        (home / "tree/ledger.json").write_text("{")
        self.assertEqual(Ledger(home, lambda: "tree").passed, {})


if __name__ == "__main__":
    unittest.main()
