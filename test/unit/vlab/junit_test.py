"""Reading what a guest left, whatever that is, and writing the merged report."""

import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

from vlab.results import junit
from vlab.results.outcome import Case, CellResult, Outcome

_REPORT = """<testsuites><testsuite name="A">
<testcase classname="gve-nic0-7.3.4.A" name="One/v" time="1.250"/>
<testcase classname="gve-nic0-7.3.4.A" name="Two"><skipped message="no &lt;zcrx&gt;"/></testcase>
<testcase classname="gve-nic0-7.3.4.B" name="One" time="nan">
  <failure message="x.cc:1">x.cc:1\nwrong byte</failure><failure message="undo"/></testcase>
<testcase classname="gve-nic0-7.3.4.B" name="Two"><error message="had not ended"/></testcase>
</testsuite></testsuites>"""


class JunitTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "junit.xml"


class Read(JunitTest):
    def read(self, text: str | bytes) -> list[Case]:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return junit.read(self.path)

    def refused(self, text: str | bytes, why: str) -> None:
        with self.assertRaisesRegex(junit.JunitError, why):
            self.read(text)

    def test_each_verdict_with_its_text(self) -> None:
        self.assertEqual(
            self.read(_REPORT),
            [
                Case("A.One/v", Outcome.PASSED, "", 1.25),
                Case("A.Two", Outcome.SKIPPED, "no <zcrx>"),
                Case("B.One", Outcome.FAILED, "x.cc:1\nwrong byte\nundo"),
                Case("B.Two", Outcome.NO_RESULT, "had not ended"),
            ],
        )

    def test_a_failure_outweighs_a_skip_in_one_test(self) -> None:
        both = '<a><testcase classname="A" name="b"><failure message="f"/><skipped message="s"/>'
        self.assertEqual(
            self.read(both + "</testcase></a>"), [Case("A.b", Outcome.FAILED, "f")]
        )

    def test_of_a_repeated_test_the_worst_counts(self) -> None:
        once = '<testcase classname="A" name="b"/>'
        again = '<testcase classname="A" name="b (repeat 2)"><failure message="f"/></testcase>'
        for text in (f"<a>{once}{again}</a>", f"<a>{again}{once}</a>"):
            self.assertEqual(self.read(text), [Case("A.b", Outcome.FAILED, "f")])

    def test_where_the_time_went(self) -> None:
        self.path.write_text(
            '<a><testsuite><properties><property name="driver" value="gve"/>'
            '<property name="seconds: set-up" value="1.5"/>'
            '<property name="seconds: login" value="0.25"/>'
            '<property name="seconds: \x9b31m" value="1"/></properties></testsuite>'
            '<testsuite><properties><property name="seconds: rest" value="9"/></properties>'
            "</testsuite></a>",
            encoding="utf-8",
        )
        self.assertEqual(list(junit.timings(self.path).items()), [("set-up", 1.5), ("login", 0.25)])

    def test_no_file(self) -> None:
        with self.assertRaisesRegex(junit.JunitError, "left no report"):
            junit.read(self.path)

    def test_a_folder(self) -> None:
        self.path.mkdir()
        with self.assertRaisesRegex(junit.JunitError, "not a regular file"):
            junit.read(self.path)

    def test_what_is_not_a_report(self) -> None:
        self.refused("", "not XML")
        self.refused(_REPORT[:200], "not XML")
        self.refused(b"\xff\xfe\x00", "not XML")
        self.refused('<?xml version="1.0" encoding="nonsense"?><a/>', "not XML")
        self.refused("<testsuites/>", "names no test")
        self.refused('<a><testcase name="x"/></a>', "test without a name")
        self.refused('<a><testcase classname="A"/></a>', "test without a name")

    def test_entities_are_refused_before_they_grow(self) -> None:
        self.refused('<!DOCTYPE a [<!ENTITY e "eeee">]><a>&e;&e;</a>', "document type")

    def test_a_file_without_end_is_refused(self) -> None:
        with open(self.path, "wb") as file:
            file.truncate(junit.MOST_BYTES + 1)
        with self.assertRaisesRegex(junit.JunitError, "more than 30 MiB"):
            junit.read(self.path)


class Write(JunitTest):
    def written(self, *cases: Case) -> ElementTree.Element:
        junit.write(self.path, [CellResult("gve", "7.3.4", cases)])
        return ElementTree.parse(self.path).getroot()

    def test_the_class_name_bears_nic_and_kernel(self) -> None:
        root = self.written(Case("A.One/v", Outcome.PASSED, seconds=1.25))
        case = next(root.iter("testcase"))
        self.assertEqual(
            case.attrib, {"classname": "gve-7.3.4.A", "name": "One/v", "time": "1.250"}
        )

    def test_verdicts_and_their_numbers(self) -> None:
        root = self.written(
            Case("A.a", Outcome.PASSED),
            Case("A.b", Outcome.SKIPPED, "why"),
            Case("A.c", Outcome.KNOWN, "known fault: x\nfirst"),
            Case("A.d", Outcome.FAILED, "first\nsecond"),
            Case("A.e", Outcome.NO_RESULT, "hung"),
        )
        found = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
        self.assertEqual(
            found, {"a": [], "b": ["skipped"], "c": ["skipped"], "d": ["failure"], "e": ["error"]}
        )
        for numbers in (root.attrib, root[0].attrib):
            wanted = {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"}
            self.assertEqual({key: numbers[key] for key in wanted}, wanted)
        failure = next(root.iter("failure"))
        self.assertEqual((failure.get("message"), failure.text), ("first", "first\nsecond"))

    def test_what_xml_cannot_hold_is_replaced(self) -> None:
        root = self.written(Case("A.a", Outcome.FAILED, 'a\x1b[31m<b>"&\x00'))
        self.assertEqual(next(root.iter("failure")).get("message"), 'a\ufffd[31m<b>"&\ufffd')

    def test_a_reader_meanwhile_finds_the_old_report_whole(self) -> None:
        self.written(Case("A.a", Outcome.FAILED, "first"))
        changes: list[Callable[[], object]] = [
            lambda: self.written(Case("A.b", Outcome.PASSED)),
            lambda: junit.amend(self.path, lambda case: case, "panic"),
        ]
        for change in changes:
            before = self.path.read_text(encoding="utf-8")
            with open(self.path, encoding="utf-8") as reader:
                change()
                self.assertEqual(reader.read(), before)
            self.assertNotEqual(self.path.read_text(encoding="utf-8"), before)
            self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_what_is_written_is_read_back(self) -> None:
        cases = [Case("A.a", Outcome.FAILED, "first\nsecond", 0.5), Case("A.b", Outcome.PASSED)]
        self.written(*cases)
        self.assertEqual(junit.read(self.path), cases)


class Summary(JunitTest):
    def summary_of(self, *tests: str) -> str:
        self.path.write_text(f"<testsuites>{''.join(tests)}</testsuites>", encoding="utf-8")
        return junit.summary(self.path)

    def test_a_test_counts_once_and_an_error_is_a_failure(self) -> None:
        said = self.summary_of(
            _test("1"),
            _test("2", '<failure message="x"/><failure message="y"/>'),
            _test("3", '<skipped message="x"/>'),
            _test("4", '<error message="was running"/>'),
        )
        self.assertEqual(said, "1 passed, 1 skipped, 2 failed")

    def test_a_test_that_was_repeated_counts_once_and_as_its_worst(self) -> None:
        said = self.summary_of(
            _test("1"), _test("1 (repeat 2)", '<failure message="x"/>'), _test("1 (repeat 3)")
        )
        self.assertEqual(said, "0 passed, 0 skipped, 1 failed")

    def test_what_cannot_be_read(self) -> None:
        self.assertIn("no test", self.summary_of())
        self.assertIn("not XML", self.summary_of("<a>"))
        self.assertIn("document type", self.summary_of("<!DOCTYPE a>"))


def _test(name: str, verdict: str = "") -> str:
    return f'<testcase classname="gve.A" name="{name}">{verdict}</testcase>'


if __name__ == "__main__":
    unittest.main()
