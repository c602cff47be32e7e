"""What a check leaves to read: summary, steps.json and junit.xml."""

import unittest

from samples import CheckTest, sh

from checks.report import JUNIT
from vlab.results import junit
from vlab.results.outcome import Outcome


class Summary(CheckTest):
    def test_says_what_the_tests_of_a_failed_step_said(self) -> None:
        script = """
            seq 1 50
            echo 'FAIL: test_it (suite.Suite)'
            echo 'the words of unittest'
            seq 51 100
            echo 'x.cc:12: Failure'
            echo 'the words of GoogleTest'
            seq 101 150
            exit 8"""
        lines = list(self.check(sh("a", script), sh("b", "echo b")).summary())
        told = ["FAIL: test_it (suite.Suite)", "the words of unittest", *map(str, range(51, 75))]
        told += ["x.cc:12: Failure", "the words of GoogleTest", *map(str, range(101, 125))]
        end = list(map(str, range(126, 151)))
        self.assertEqual(
            lines[:-3], ["== a failed with", *told, "== a: exit status 8; it ended with", *end]
        )
        self.assertEqual(lines[-3], "== gate")
        self.assertRegex(lines[-2], r"^a +\d+ s +\d+ CPU-s  FAILED: exit status 8$")
        self.assertRegex(lines[-1], r"^b +\d+ s +\d+ CPU-s  passed$")

    def test_shows_four_failures_and_no_more(self) -> None:
        script = "for i in 1 2 3 4 5 6; do echo FAIL: $i; seq 30; done; false"
        text = "\n".join(self.check(sh("a", script)).summary())
        told = text.partition("it ended with")[0]
        self.assertEqual([f"FAIL: {i}\n" in told for i in range(1, 7)], [True] * 4 + [False] * 2)

    def test_names_a_step_over_twice_its_budget(self) -> None:
        report = self.check(sh("a", "sleep 2.1", budget=1), sh("b", "true", budget=60))
        self.assertEqual(report.failed, [])
        (over,) = [line for line in report.summary() if "budget" in line]
        self.assertRegex(over, r"^a took [2-9] s, more than 2 times its budget of 1 s$")

    def test_of_a_log_that_is_not_text(self) -> None:
        report = self.check(sh("a", r"printf 'FAIL: \377\000\n'; false"))
        self.assertIn("FAIL: \N{REPLACEMENT CHARACTER}\0", list(report.summary()))


class Files(CheckTest):
    def test_each_step_is_a_test_case(self) -> None:
        fails = r"printf 'FAIL: \033[31mx\n'; exit 3"
        self.check(sh("a", "true"), sh("b", fails), sh("c", "", "b"))
        a, b, c = junit.read(self.folder / JUNIT)
        self.assertEqual((a.test, a.outcome), ("step.a", Outcome.PASSED))
        self.assertEqual((b.test, b.outcome), ("step.b", Outcome.FAILED))
        self.assertEqual(b.text.splitlines()[0], "exit status 3")
        self.assertIn("FAIL: ", b.text)
        self.assertGreater(b.seconds, 0)
        self.assertEqual(
            (c.test, c.outcome, c.text), ("step.c", Outcome.SKIPPED, "b did not pass")
        )

    def test_are_written_after_every_step(self) -> None:
        look = f"cat {self.folder}/steps.json {self.folder}/junit.xml"
        self.check(sh("a", "true"), sh("b", look))
        said = (self.folder / "b.log").read_text()
        self.assertIn('"name": "a"', said)
        self.assertIn('name="a"', said)
        self.assertNotIn('"name": "b"', said)

    def test_a_step_with_its_figures(self) -> None:
        self.check(sh("a", "true", budget=30))
        step = self.steps()["a"]
        self.assertEqual((step["budget"], step["limit"], step["why"]), (30, 180, ""))


if __name__ == "__main__":
    unittest.main()
