"""The matrix as table, page and JSON, made of results of every kind."""

import datetime
import json
import unittest
from collections.abc import Sequence
from html.parser import HTMLParser

from vlab.results import outcome, page, report, table
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import LAB, Case, CellResult, Outcome
from vlab.results.report import Report

_STARTED = datetime.datetime(2027, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
_NO_ZCRX = Case("A.one/v", Outcome.SKIPPED, "this kernel has no zcrx")


def _report(*results: CellResult, faults: Sequence[KnownIssue] = ()) -> Report:
    return report.make(results, faults, _STARTED, 61.0)


def _plain(whole: Report, width: int = 100) -> str:
    return table.render(whole, width, colour=False)


class Completed(unittest.TestCase):
    def test_a_lab_that_hung_has_a_row_and_its_tests_no_result(self) -> None:
        whole = CellResult("gve", "7.3.4", [Case("A.a", Outcome.PASSED), _NO_ZCRX])
        hung = CellResult("gve", "6.12.1", [Case("A.a", Outcome.FAILED, "f")], "it hung", 9.0)
        first, second = outcome.completed([whole, hung])
        self.assertEqual(first, whole)
        self.assertEqual(
            second.cases,
            [
                Case("A.a", Outcome.FAILED, "f"),
                Case("A.one/v", Outcome.NO_RESULT, "no result: it hung"),
                Case(LAB, Outcome.NO_RESULT, "no result: it hung", 9.0),
            ],
        )

    def test_the_test_that_ran_when_the_lab_broke_says_how(self) -> None:
        running = Case("A.a", Outcome.NO_RESULT, "had not ended")
        (result,) = outcome.completed([CellResult("gve", "7.3.4", [running], "panic\nRIP: f+0x1")])
        self.assertEqual(result.cases[0].text, "had not ended\npanic\nRIP: f+0x1")

    def test_a_known_panic_explains_all_that_it_took_with_it(self) -> None:
        whole = CellResult("gve", "7.3.4", [Case("A.a", Outcome.PASSED), _NO_ZCRX])
        running = Case("A.a", Outcome.NO_RESULT, "had not ended")
        broke = CellResult("bnxt", "7.3.4", [running], "panic\nRIP: f+0x1")
        fault = KnownIssue("x", ["7.3.4"], ["bnxt"], "*", "RIP: f+0x1", "c", _STARTED.date(), race=True)
        self.assertFalse(_report(whole, broke, faults=[fault]).failed)
        other = CellResult("bnxt", "7.3.4", [running], "panic\nRIP: f+0x2")
        self.assertTrue(_report(whole, other, faults=[fault]).failed)

    def test_a_lab_that_broke_after_its_last_test_still_fails(self) -> None:
        self.assertTrue(
            _report(CellResult("gve", "7.3.4", [Case("A.a", Outcome.PASSED)], "broke")).failed
        )

    def test_no_lab_with_a_result(self) -> None:
        whole = _report(CellResult("gve", "7.3.4", [], "no boot"))
        self.assertEqual(whole.parts[0].tests, [LAB])
        self.assertTrue(whole.failed)

    def test_a_test_that_only_one_report_names_is_a_failure(self) -> None:
        both = [Case("A.a", Outcome.PASSED), Case("A.b", Outcome.PASSED)]
        whole = _report(CellResult("gve", "1.1.1", both[:1]), CellResult("gve", "1.1.2", both))
        self.assertTrue(whole.failed)
        self.assertIn("the report does not name this test", _plain(whole))

    def test_a_lab_without_a_nic_owes_no_test_that_needs_one_and_the_reverse(self) -> None:
        gve = CellResult("gve", "7.3.4", [Case("A.a", Outcome.PASSED)])
        none = CellResult("none", "7.3.4", [Case("ZcrxNodevB.b", Outcome.PASSED)])
        self.assertFalse(_report(gve, none).failed)
        broke = CellResult("none", "6.12.1", [], "it hung")
        self.assertEqual(
            [case.test for case in outcome.completed([gve, none, broke])[-1].cases],
            ["ZcrxNodevB.b", LAB],
        )

    def test_what_a_lab_with_a_nic_ran_of_the_others_stays(self) -> None:
        gve = CellResult("gve", "7.3.4", [Case("ZcrxNodevB.b", Outcome.PASSED)])
        self.assertEqual(outcome.completed([gve]), [gve])

    def test_skips_fail_nothing(self) -> None:
        self.assertFalse(_report(CellResult("gve", "6.12.1", [_NO_ZCRX])).failed)


class Table(unittest.TestCase):
    def setUp(self) -> None:
        failed = Case("A.one/v", Outcome.FAILED, "a.cc:1\nbyte 3 is wrong")
        self.whole = _report(
            CellResult("gve", "6.12.107", [_NO_ZCRX, Case("B.two", Outcome.PASSED)]),
            CellResult("gve", "7.3.4", [failed, Case("B.two", Outcome.PASSED)]),
            CellResult("bnxt", "6.12.107", [_NO_ZCRX, Case("B.two", Outcome.PASSED)]),
        )

    def test_all_of_it(self) -> None:
        self.assertEqual(
            _plain(self.whole),
            """\
         gve               |  bnxt
         6.12     7.3      |  6.12
         .107     .4       |  .107
A                          |
  one/v  skip s1  FAIL f1  |  skip s1
B                          |
  two    pass     pass     |  pass

Failures:
  f1  a.cc:1
      byte 3 is wrong
      -- gve 7.3.4 (1 test)

Skips, and the evidence:
  s1  this kernel has no zcrx
      -- gve 6.12.107 (1 test); bnxt 6.12.107 (1 test)

3 passed, 2 skipped, 1 failed in 3 labs and 61 s
""",
        )

    def test_labs_without_a_nic_have_a_table_of_their_own(self) -> None:
        whole = _report(
            CellResult("gve", "7.3.4", [Case("A.a", Outcome.PASSED)]),
            CellResult("none", "7.3.4", [Case("ZcrxNodevB.b", Outcome.PASSED)]),
            CellResult("bnxt", "7.3.4", [Case("A.a", Outcome.PASSED)]),
        )
        self.assertEqual(
            _plain(whole),
            """\
     gve   |  bnxt
     7.3   |  7.3
     .4    |  .4
A          |
  a  pass  |  pass

     none
     7.3
     .4
ZcrxNodevB
  b  pass

3 passed, 0 skipped, 0 failed in 3 labs and 61 s
""",
        )

    def test_nics_below_each_other_where_they_do_not_fit_beside(self) -> None:
        lines = _plain(self.whole, 30).splitlines()
        self.assertEqual((lines[0].strip(), lines[8].strip()), ("gve", "bnxt"))
        self.assertEqual(sum(line.startswith("  two") for line in lines), 2)

    def test_colour_does_not_move_a_column(self) -> None:
        coloured = table.render(self.whole, 100, colour=True)
        self.assertIn("\x1b[1;31mFAIL f1\x1b[0m", coloured)
        self.assertEqual(table._plain(coloured), _plain(self.whole))

    def test_a_guest_cannot_move_the_cursor(self) -> None:
        evil = Case("A.\x1b[2Jx", Outcome.SKIPPED, "a\x1b]0;title\x07b\u202ec\x9bd")
        shown = _plain(_report(CellResult("gve", "7.3.4", [evil])))
        for character in ("\x1b", "\x07", "\u202e", "\x9b"):
            self.assertNotIn(character, shown)

    def test_complaints_fail_nothing_and_are_named_once(self) -> None:
        said = ["dut: WARNING: at x.c:1"]
        whole = _report(
            *(
                CellResult("gve", kernel, [Case("A.a", Outcome.PASSED)], complaints=said)
                for kernel in ("6.16.1", "6.17.1")
            )
        )
        self.assertFalse(whole.failed)
        self.assertIn(
            "Complaints of the guests' kernels:\n"
            "      dut: WARNING: at x.c:1\n      -- gve 6.16.1, gve 6.17.1\n",
            _plain(whole),
        )

    def test_known_faults_are_apart_and_passes_of_them_shouted(self) -> None:
        def fault(test: str) -> KnownIssue:
            never = datetime.date(2027, 1, 1)
            return KnownIssue("x", ["7.3"], ["gve"], test, "EIO", "bad ring", never)

        whole = _report(
            CellResult(
                "gve", "7.3.4",
                [Case("A.a", Outcome.FAILED, "EIO"), Case("A.b", Outcome.PASSED)],
            ),
            faults=[fault("A.a"), fault("A.b")],
        )  # fmt: skip
        shown = _plain(whole)
        self.assertFalse(whole.failed)
        self.assertIn("known k1", shown)
        self.assertIn("Known faults:\n  k1  known fault: bad ring\n      EIO\n", shown)
        self.assertIn("NOW PASSES on gve 7.3.4: x (gve 7.3 A.b: EIO)\n", shown)
        self.assertIn("to be looked at again since 2027-01-01: x (gve 7.3 A.a: EIO)\n", shown)
        self.assertIn("1 passed, 0 skipped, 0 failed, 1 known in 1 lab and", shown)


class _Tags(HTMLParser):
    """What a browser would see: elements with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes another element"

    def handle_data(self, data: str) -> None:
        self.text += data


class Page(unittest.TestCase):
    def setUp(self) -> None:
        self.evil = '"><script>alert(1)</script>'
        passed = Case("B.b", Outcome.PASSED)
        self.whole = _report(
            CellResult("gve", "7.3.4", [Case(f"A.{self.evil}", Outcome.FAILED, self.evil), passed]),
            CellResult("bnxt", "7.3.4", [], self.evil, complaints=[f"complaint {self.evil}"]),
        )
        self.html = page.render(self.whole)
        self.seen = _Tags(self.html)

    def test_every_element_is_closed(self) -> None:
        self.assertEqual(self.seen.open, [])

    def test_a_guests_text_stays_text(self) -> None:
        self.assertNotIn("script", [tag for tag, _ in self.seen.tags])
        self.assertIn(self.evil, self.seen.text)
        self.assertIn(f"complaint {self.evil}", self.seen.text)

    def test_nothing_is_loaded_from_elsewhere(self) -> None:
        for _, attributes in self.seen.tags:
            self.assertNotIn("src", attributes)
            self.assertTrue((attributes.get("href") or "#").startswith("#"))
        self.assertIn("default-src 'none'", self.html)

    def test_every_mark_leads_to_its_reason(self) -> None:
        targets = {attributes["id"] for _, attributes in self.seen.tags if "id" in attributes}
        links = {attributes["href"] for tag, attributes in self.seen.tags if tag == "a"}
        self.assertEqual(links, {f"#{target}" for target in targets})
        self.assertEqual(targets, {"f1", "f2"})

    def test_what_makes_room_for_many_columns(self) -> None:
        shown = page.render(_report(CellResult("gve", "6.12.107", [_NO_ZCRX])))
        self.assertIn(">one/<wbr>v<", shown)
        self.assertIn(">6.12<br><", shown)

    def test_labs_without_a_nic_have_a_table_of_their_own(self) -> None:
        none = CellResult("none", "7.3.4", [Case("ZcrxNodevB.b", Outcome.PASSED)])
        seen = _Tags(page.render(_report(CellResult("gve", "6.12.107", [_NO_ZCRX]), none)))
        self.assertEqual([tag for tag, _ in seen.tags].count("table"), 2)
        cells = [attributes.get("class") for tag, attributes in seen.tags if tag == "td"]
        self.assertEqual(cells, ["skip first", "pass first"])

    def test_verdict_and_columns(self) -> None:
        self.assertIn("matrix: failed", self.seen.text)
        cells = [attributes.get("class") for tag, attributes in self.seen.tags if tag == "td"]
        # A's test, B's, and the lab's row, which gve leaves empty.
        wanted = ["fail first", "fail first", "pass first", "fail first", "first", "fail first"]
        self.assertEqual(cells, wanted)


class Json(unittest.TestCase):
    def test_it_holds_what_the_table_shows(self) -> None:
        result = CellResult("gve", "6.12.107", [_NO_ZCRX], "", 2.04, ["dut: WARNING: x"])
        whole = json.loads(_report(result).json())
        self.assertEqual(
            whole,
            {
                "started": "2027-02-03T04:05:06+00:00",
                "seconds": 61.0,
                "failed": False,
                "now_passing": [],
                "overdue": [],
                "cells": [
                    {
                        "nic": "gve",
                        "kernel": "6.12.107",
                        "seconds": 2.0,
                        "trouble": "",
                        "complaints": ["dut: WARNING: x"],
                        "tests": [
                            {
                                "name": "A.one/v",
                                "outcome": "skipped",
                                "reason": "this kernel has no zcrx",
                                "seconds": 0.0,
                            }
                        ],
                    }
                ],
            },
        )


if __name__ == "__main__":
    unittest.main()
