"""What is held against the suite when it ran under a fault."""

import datetime
import unittest
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace

from vlab.faults import detection, page, table
from vlab.faults.detection import FaultReport, FaultRun
from vlab.results.outcome import Case, Outcome

_TEXT = "test/hw/receive_test.cc:20\nflow arrived on queue 0, rule 12 says queue 3\nmore"


def _cases(**outcomes: Outcome) -> list[Case]:
    """`a_x`: the test a.x."""
    return [
        Case(name.replace("_", "."), outcome, _TEXT if outcome is Outcome.FAILED else "")
        for name, outcome in outcomes.items()
    ]


_PASS = _cases(A_a=Outcome.PASSED, A_b=Outcome.PASSED)
_FAIL = _cases(A_a=Outcome.FAILED, A_b=Outcome.PASSED)
_ROW = FaultRun("rule-ignored", "rules are ignored", True, (), "", _FAIL, 3, 1.0)
_ABLE = ["A.a", "A.b"]
_PANIC = "the guest dut ended; the end of log:\n[ 1.0] Kernel panic - not syncing: Fatal\n"
_BY_QEMU = _PANIC.replace("ended;", "ended by QEMU's fault: an emulated CPU kept the breakpoint;")


class Problems(unittest.TestCase):
    def held(self, **changes: object) -> list[str]:
        return replace(_ROW, **changes).problems(_ABLE)

    def test_caught_as_it_should_be(self) -> None:
        self.assertEqual(self.held(), [])
        self.assertEqual(self.held(by=["A.*"], says="queue \\d+, rule"), [])

    def test_not_caught_or_not_as_it_should_be(self) -> None:
        self.assertEqual(self.held(cases=_PASS), ["undetected"])
        self.assertEqual(self.held(by=["A.a", "A.b"]), ["not caught by A.b"])
        self.assertEqual(self.held(says="split"), ["no failure says 'split'"])

    def test_a_test_that_cannot_run_on_this_nic_owes_nothing(self) -> None:
        self.assertEqual(self.held(by=["A.a", "C.c"]), [])
        self.assertEqual(
            self.held(by=["C.c"]), ["none of the tests that should catch it runs on this NIC"]
        )

    def test_a_fault_that_is_never_triggered_is_never_caught(self) -> None:
        for caught in (True, False):
            self.assertEqual(
                self.held(bites=0, caught=caught, cases=_PASS),
                ["never triggered: nothing is proven"],
            )

    def test_survived(self) -> None:
        self.assertEqual(self.held(caught=False, cases=_PASS), [])
        self.assertEqual(self.held(caught=False), ["1 tests fail that should survive it"])

    def test_a_lab_that_broke(self) -> None:
        late = "timed out after 600 s: zcrx_tests"
        self.assertEqual(self.held(trouble=late), [late])
        self.assertEqual(self.held(trouble=late, cases=_PASS), [late, "undetected"])
        self.assertEqual(self.held(trouble=late, cases=_PASS, caught=False), [late])

    def test_a_panic_is_wrong_unless_the_fault_is_known_to_panic(self) -> None:
        known = {"trouble": _PANIC, "cases": [], "bites": None, "panics": True}
        self.assertEqual(self.held(**known, by=["A.a"]), [])
        self.assertEqual(self.held(**known, caught=False), [_PANIC])
        self.assertEqual(self.held(trouble=_PANIC), [_PANIC])
        self.assertEqual(self.held(trouble=_PANIC, by=["A.b"]), [_PANIC, "not caught by A.b"])

    def test_a_panic_by_qemus_fault_is_not_the_one_that_is_known(self) -> None:
        found = self.held(trouble=_BY_QEMU, cases=[], bites=None, panics=True)
        self.assertEqual(found, [_BY_QEMU, "undetected"])

    def test_a_fault_that_is_known_to_panic_and_does_not_is_held_to_its_tests(self) -> None:
        self.assertEqual(self.held(panics=True, by=["A.b"]), ["not caught by A.b"])


class Said(unittest.TestCase):
    def test_the_sentence_that_names_the_cause(self) -> None:
        self.assertEqual(_ROW.said, "flow arrived on queue 0, rule 12 says queue 3")
        other = Case("A.0", Outcome.FAILED, "x_test.cc:1: Failure\n  timed out")
        row = replace(_ROW, cases=[other, *_FAIL])
        self.assertEqual(row.said, "timed out")
        self.assertEqual(replace(row, says="rule").said, _ROW.said)
        panicked = replace(_ROW, cases=[], trouble=_PANIC)
        self.assertEqual(panicked.said, "[ 1.0] Kernel panic - not syncing: Fatal")


class Whole(unittest.TestCase):
    def detection(self, rows: Sequence[FaultRun], without: Sequence[Case] = _PASS) -> FaultReport:
        none = replace(_ROW, fault="none", caught=False, cases=without, bites=None)
        return FaultReport("gve", "7.3.4", none, rows, 9.0)

    def test_a_suite_that_fails_without_a_fault_proves_nothing(self) -> None:
        found = self.detection([_ROW], _FAIL).all_problems()
        self.assertEqual([text for _, text in found], ["A.a fails without any fault"])

    def test_another_suite_is_held_to_nothing(self) -> None:
        loose = replace(self.detection([replace(_ROW, cases=_PASS)]), strict=False)
        self.assertEqual(loose.all_problems(), [])
        self.assertIn("0 of 1 faults caught", loose.summary())

    def test_tests_that_no_fault_makes_fail(self) -> None:
        one = self.detection([_ROW])
        self.assertEqual(detection.idle_tests([one]), ["A.b"])
        other = self.detection([replace(_ROW, cases=_cases(A_b=Outcome.FAILED))])
        self.assertEqual(detection.idle_tests([one, other]), [])

    def test_what_the_gate_left_out_is_reported_and_judges_no_test(self) -> None:
        one = replace(self.detection([_ROW]), left_out=["drop", "no-split"])
        self.assertEqual(detection.idle_tests([one]), [])
        self.assertIn("1 of 1 faults caught, 0 of 0 survived, 2 left out", one.summary())
        rendered = page.render([one], datetime.datetime.now(datetime.UTC))
        for form in (table.render(one, 100, colour=False), rendered):
            self.assertIn("one of each fault: drop, no-split", form)
        self.assertEqual(detection.load(detection.dump(one)).left_out, one.left_out)

    def test_through_json_and_back(self) -> None:
        one = self.detection([_ROW, replace(_ROW, cases=_PASS)])
        again = detection.load(detection.dump(one))
        self.assertEqual(again.summary(), one.summary())
        self.assertEqual(again.rows[0].cases, _FAIL)
        self.assertEqual(detection.dump(again), detection.dump(one))

    def test_the_table_marks_each_test_and_says_what_is_wrong(self) -> None:
        lost = replace(_ROW, fault="drop", cases=_PASS, complaints=["dut: WARNING: \x1b[2J"])
        told = table.render(self.detection([_ROW, lost]), 100, colour=False)
        self.assertIn("rule-ignored  X.  caught by 1  flow arrived on queue 0", told)
        self.assertIn("drop          ..  UNDETECTED", told)
        self.assertIn("drop: undetected", told)
        self.assertIn("gve-7.3.4: 1 of 2 faults caught, 0 of 0 survived, 1 not as", told)
        self.assertNotIn("\x1b", told)

    def test_the_page_holds_a_guests_text_as_text(self) -> None:
        evil = Case("A.a", Outcome.FAILED, "<script>alert(1)</script>")
        rendered = page.render(
            [self.detection([replace(_ROW, cases=[evil])])], datetime.datetime.now(datetime.UTC)
        )
        self.assertNotIn("<script>", rendered)
        self.assertEqual(rendered.count("<td"), rendered.count("</td>"))
        body = rendered.partition("<body>")[2].partition("</body>")[0]
        ElementTree.fromstring(f"<body>{body}</body>")


if __name__ == "__main__":
    unittest.main()
