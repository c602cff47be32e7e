"""The table of steps: that it can be run in its order, and that each tier proves what it should."""

import re
import unittest

from checks import steps
from checks.changed import Changes, Scope, belongs
from checks.step import TIERS, Step
from vlab.base.paths import REPOSITORY


def table(tier: str, *changed: str) -> list[Step]:
    changes = Changes("HEAD", frozenset(changed)) if tier == "quick" else None
    every = steps.table(Scope(tier, changes))
    return [step for step in every if tier in step.budget]


class Table(unittest.TestCase):
    def test_steps_come_after_those_that_they_need(self) -> None:
        for tier in TIERS:
            before: set[str] = set()
            for step in table(tier):
                self.assertLessEqual(set(step.needs), before, f"{tier}: {step.name}")
                self.assertNotIn(step.name, before)
                before.add(step.name)

    def test_each_has_something_to_do_and_time_for_it(self) -> None:
        for tier in ("gate", "nightly"):
            for step in table(tier):
                self.assertNotEqual(step.commands, [], step.name)
                self.assertGreater(step.limit, step.budget[tier])

    def test_a_gate_whose_steps_all_hang_ends_within_its_time(self) -> None:
        ended: dict[str, float] = {}
        free = {True: 0.0, False: 0.0}  # when the next step of the background, or not, can begin
        for step in table("gate"):
            begin = max([free[step.background], *(ended[name] for name in step.needs)])
            ended[step.name] = begin + step.limit if step.due_s is None else max(begin, step.due_s)
            free[step.background] = ended[step.name]
        self.assertLess(max(ended.values()), 5400)

    def test_nightly_has_what_the_gate_has_or_more_of_it(self) -> None:
        more = {"lint": "analyze", "fuzz": "fuzz_gve_rings", "faults": "fault-table"}
        nightly = {step.name for step in table("nightly")}
        for step in table("gate"):
            self.assertIn(more.get(step.name, step.name), nightly)

    def test_no_lab_builds_beside_what_builds_in_the_same_folder(self) -> None:
        (step,) = [one for one in table("gate") if one.name == "build"]
        for command in step.commands:
            self.assertEqual(command[1:4], ["-m", "checks.alone", "build"])


class Parts(unittest.TestCase):
    def test_hold_all_that_their_sources_include(self) -> None:
        names = Scope("nightly").files("*.h", "*.cc")
        for parts in {tuple(step.parts) for step in table("nightly") if step.parts}:
            for name in filter(lambda name: belongs(name, parts), names):
                text = (REPOSITORY / name).read_text(encoding="utf-8")
                for included in re.findall(r'^#include "(.*/.*)"$', text, re.MULTILINE):
                    self.assertTrue(belongs(included, parts), f"{name} includes {included}")


    def test_what_is_for_slurm_is_of_what_runs_on_it(self) -> None:
        name = "ci/vlab/base/slurm_queue.py"
        self.assertTrue((REPOSITORY / name).is_file())
        of = {step.name for step in table("nightly") if not step.parts or belongs(name, step.parts)}
        self.assertLessEqual({"lab", "unit", "racks-20", "racks-guest", "slurm-60"}, of)
        self.assertFalse({"matrix", "kasan", "loops-1", "fault-table"} & of)


class Belongs(unittest.TestCase):
    def test_the_last_that_fits_counts(self) -> None:
        parts = ("ci/", "!ci/a", "ci/all/")
        for name, does in (
            ("ci/b.py", True), ("ci/a.py", False), ("ci/all/b.py", True), ("ci/README.md", False),
            ("test/ci/b.py", False),
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(belongs(name, parts), does)

    def test_only_what_is_left_out_is_none(self) -> None:
        self.assertFalse(belongs("test/a.py", ("!ci/",)))


class Quick(unittest.TestCase):
    def steps(self, *changed: str) -> set[str]:
        return {step.name for step in table("quick", *changed) if step.commands}

    def test_of_nothing(self) -> None:
        self.assertEqual(self.steps(), set())
        self.assertEqual(self.steps("README.md", "ci/README.md"), set())

    def test_of_what_is_for_slurm(self) -> None:
        of_slurm = self.steps("ci/vlab/base/slurm.py")
        self.assertEqual(of_slurm, {"scripts", "build", "sanitize", "lint", "unit"})

    def test_of_a_source(self) -> None:
        self.assertEqual(
            self.steps("support/base/wait.h"),
            {"format", "build", "sanitize", "lint", "uapi", "suite", "unit"},
        )

    def test_of_a_unit_test(self) -> None:
        self.assertEqual(
            self.steps("test/unit/wait_test.cc"), {"format", "build", "sanitize", "lint", "unit"}
        )

    def test_of_the_page_whose_rows_name_tests(self) -> None:
        self.assertEqual(self.steps("test/hw/UAPI.md"), {"build", "uapi"})

    def test_of_a_script(self) -> None:
        self.assertIn("scripts", self.steps("ci/vlab/base/cache.py"))
        self.assertIn("scripts", self.steps("test/lab/cases.sh"))

    def test_of_a_script_that_is_gone(self) -> None:
        (step,) = [one for one in table("quick", "ci/checks/gone.py") if one.name == "scripts"]
        self.assertTrue(any("mypy" in command for command in step.commands))

    def test_of_the_rules_of_lint(self) -> None:
        self.assertIn("lint", self.steps(".clang-tidy"))

    def test_looks_at_what_changed_only(self) -> None:
        (step,) = [one for one in table("quick", "support/base/wait.h") if one.name == "format"]
        self.assertEqual(
            step.commands, [["clang-format-19", "--dry-run", "--Werror", "support/base/wait.h"]]
        )


if __name__ == "__main__":
    unittest.main()
