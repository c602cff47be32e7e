"""The command line: tiers and words, how it ends, and nightly, which resumes."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from samples import CheckTest, Output, sh

from checks import cli
from checks.changed import Changes
from checks.step import Step
from vlab.base.errors import UsageError

# A check of its own process: steps whose children say who they are, and then hang.
_HANGS = """
import sys
from pathlib import Path
from samples import sh
from checks import cli
folder = Path(sys.argv[1])
hang = "sh -c 'echo $$ >>%s/pids; exec sleep 1000' & wait" % folder
table = lambda scope: [
    sh("a", hang), sh("beside", hang, background=True), sh("never", "true", "a")
]
sys.exit(cli.main([], table, folder / "results"))
"""


class CliTest(CheckTest):
    def call(self, *arguments: str, table: Sequence[Step] = ()) -> int:
        self.errors = io.StringIO()
        self.output = Output()
        with (
            self.redirected(),
            contextlib.redirect_stderr(self.errors),
            mock.patch.dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache")),
            mock.patch("checks.ledger.files", lambda: self.files),
            mock.patch("checks.cli.Changes.load", self.changes),
        ):
            return cli.main(arguments, lambda scope: table, self.folder)

    files = {"README.md": "0123456789abcdef"}
    changed = frozenset({"README.md"})

    def changes(self, since: str) -> Changes:
        if since != "HEAD":
            raise UsageError(f"--since: no commit is named '{since}'")
        return Changes(since, self.changed)


class Words(CliTest):
    def refused(self, sentence: str, *arguments: str) -> None:
        table = [sh("format", "false"), sh("lab", "false")]
        self.assertEqual(self.call(*arguments, table=table), 2)
        said = self.errors.getvalue()
        self.assertIn(sentence, said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertEqual(self.output.text, "")

    def test_that_are_unknown(self) -> None:
        self.refused("gate has no step 'lap'; it has format, lab", "--only", "format,lap")
        self.refused("invalid choice: 'weekly'", "--tier", "weekly")
        self.refused("unrecognized arguments: lab", "lab")
        self.refused("no commit is named 'nonsense'", "--tier", "quick", "--since", "nonsense")

    def test_that_do_not_go_with_the_tier(self) -> None:
        self.refused("--since is for --tier quick", "--since", "HEAD")
        self.refused("--fresh is for --tier nightly", "--fresh")

    def test_help(self) -> None:
        with self.assertRaises(SystemExit) as ended:
            self.call("--help")
        self.assertEqual(ended.exception.code, 0)
        for word in ("quick", "gate", "nightly", "--only", "--since", "results/check"):
            self.assertIn(word, self.output.text)


class Check(CliTest):
    def test_that_passes(self) -> None:
        self.assertEqual(self.call(table=[sh("a", "true"), sh("b", "true")]), 0)
        self.assertRegex(self.output.text.splitlines()[-1], r"^ci/check: all passed in \d+ s$")

    def test_that_fails(self) -> None:
        table = [sh("a", "false"), sh("b", "true", "a"), sh("c", "true"), sh("d", "false")]
        self.assertEqual(self.call(table=table), 1)
        self.assertEqual(self.output.text.splitlines()[-1], "ci/check: failed: a d")

    def test_of_one_tier(self) -> None:
        table = [
            Step("a", [["true"]], {"quick": 1}), Step("b", [["true"]], {"gate": 1, "nightly": 1}),
        ]  # fmt: skip
        self.call(table=table)
        self.assertEqual(list(self.steps()), ["b"])
        self.call("--tier", "quick", table=table)
        self.assertEqual(list(self.steps()), ["a"])
        self.assertIn("not looked at by quick: b\n", self.output.text)

    def test_of_some_steps_takes_as_passed_what_they_need(self) -> None:
        table = [sh("a", "false"), sh("b", "true", "a"), sh("c", "false")]
        self.assertEqual(self.call("--only", "b", table=table), 0)
        self.assertEqual(self.verdicts(), {"b": "passed"})

    def test_without_anything_to_do(self) -> None:
        table = [Step("a", [], {"quick": 1}), sh("b", "true", "a")]
        self.assertEqual(self.call("--tier", "quick", table=table), 0)
        self.assertEqual(self.verdicts(), {"a": "skipped", "b": "passed"})
        self.assertEqual(self.steps()["a"]["why"], "nothing changed")

    def test_of_no_change(self) -> None:
        self.changed = frozenset()
        self.assertEqual(self.call("--tier", "quick", table=[sh("a", "false")]), 0)
        self.assertEqual(self.output.text, "ci/check: nothing changed since HEAD\n")

    def test_list(self) -> None:
        self.call("--list", table=[sh("a", "exit 3", budget=30), sh("b", "x", "a")])
        self.assertEqual(
            self.output.text,
            "a: 30 s, ended at 180 s\n    sh -c 'exit 3'\n"
            "b: 10 s, ended at 120 s, after a\n    sh -c x\n",
        )

    def test_beside_another(self) -> None:
        table = [sh("a", f"exec {sys.executable} -c '{_SECOND}' {self.folder}")]
        self.assertEqual(self.call(table=table), 0, self.output.text)
        self.assertIn("another check of this tree is running", self.output.text)


_SECOND = """
import sys
from pathlib import Path
from checks import cli
sys.exit(cli.main([], lambda scope: [], Path(sys.argv[1])) != 5)
"""


class Interrupted(CheckTest):
    def start(self) -> "subprocess.Popen[str]":
        """When both steps run."""
        process = subprocess.Popen(
            [sys.executable, "-c", _HANGS, self.folder], cwd=Path(__file__).parent, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
        self.addCleanup(process.kill)
        end = time.monotonic() + 20
        while len(self.pids()) < 2:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return process

    def pids(self) -> list[int]:
        file = self.folder / "pids"
        return list(map(int, file.read_text().split())) if file.exists() else []

    def assert_gone(self) -> None:
        end = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in self.pids()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def ends_in_order(self, number: signal.Signals) -> None:
        process = self.start()
        os.killpg(process.pid, number)  # as a terminal does it: all in the foreground
        said, _ = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 128 + number, said)
        self.assert_gone()
        self.assertEqual(said.splitlines()[-1], f"ci/check: interrupted by {number.name}")
        for name, verdict in (("a", "FAILED"), ("beside", "FAILED"), ("never", "not run")):
            self.assertRegex(said, rf"\n{name} .*  {verdict}: interrupted by {number.name}\n")

    def test_by_sigint(self) -> None:
        self.ends_in_order(signal.SIGINT)

    def test_by_sigterm(self) -> None:
        self.ends_in_order(signal.SIGTERM)

    def test_by_sigkill(self) -> None:
        """No summary then, but no process either."""
        process = self.start()
        process.kill()
        process.communicate(timeout=20)
        self.assert_gone()


class Nightly(CliTest):
    def nightly(
        self, *arguments: str, a: str = "true", b: str = "true", more: Sequence[Step] = ()
    ) -> int:
        """Each step does what its script says, so its command is always the same."""
        for name, script in {"make": "true", "a": a, "b": b}.items():
            (self.folder / f"{name}.sh").write_text(f"echo {name} >>{self.folder}/ran\n{script}\n")
        table = [
            sh("make", f". {self.folder}/make.sh", rebuilds=True),
            sh("a", f". {self.folder}/a.sh", "make"), sh("b", f". {self.folder}/b.sh", "make"),
            *more,
        ]  # fmt: skip
        (self.folder / "ran").unlink(missing_ok=True)
        return self.call("--tier", "nightly", *arguments, table=table)

    def ran(self) -> list[str]:
        file = self.folder / "ran"
        return file.read_text().split() if file.exists() else []

    def test_runs_again_what_failed_and_what_that_needs(self) -> None:
        self.assertEqual(self.nightly(b="false"), 1)
        self.assertEqual(self.ran(), ["make", "a", "b"])
        self.assertEqual(self.nightly(), 0)
        self.assertEqual(self.ran(), ["make", "b"])
        self.assertRegex(self.output.text, r"\na .* not run: passed already, 20\d\d-")
        self.assertEqual(self.nightly(), 0)
        self.assertEqual(self.ran(), [])

    def test_goes_on_after_an_interruption(self) -> None:
        interrupt = sh("c", f"kill -INT {os.getpid()}; sleep 1000")
        self.assertEqual(self.nightly(more=[interrupt]), 130)
        self.assertEqual(self.ran(), ["make", "a", "b"])
        self.assertEqual(self.nightly(more=[sh("c", "true")]), 0)
        self.assertEqual(self.ran(), [])
        self.assertEqual(self.verdicts()["c"], "passed")

    def test_an_interruption_takes_no_pass_back(self) -> None:
        self.assertEqual(self.nightly(), 0)
        interrupted = f"kill -INT {os.getpid()}; sleep 1000"
        self.assertEqual(self.nightly("--only", "a", a=interrupted), 130)
        self.assertEqual(self.ran(), ["a"])
        self.assertEqual(self.nightly(), 0)
        self.assertEqual(self.ran(), [])

    def test_says_how_long_it_took_in_all(self) -> None:
        self.nightly(b="false")
        self.nightly()
        self.assertRegex(
            self.output.text,
            r"\nnightly: 3 of 3 steps passed since 20\d\d-\S+ \S+ UTC and took 0 h 00 min, ",
        )

    def test_begins_anew(self) -> None:
        for how in ("fresh", "other files"):
            with self.subTest(how):
                self.nightly()
                if how == "other files":
                    self.files = {"README.md": "fedcba9876543210"}
                self.assertEqual(self.nightly(*["--fresh"] * (how == "fresh")), 0)
                self.assertEqual(self.ran(), ["make", "a", "b"])

    def test_a_step_that_is_asked_for_runs(self) -> None:
        self.nightly()
        self.assertEqual(self.nightly("--only", "a", a="false"), 1)
        self.assertEqual(self.ran(), ["a"])
        self.assertEqual(self.nightly(), 0)
        self.assertEqual(self.ran(), ["make", "a"], "it is not taken as passed any more")


if __name__ == "__main__":
    unittest.main()
