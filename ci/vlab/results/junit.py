"""Reads and amends the suite's JUnit file, and writes the one of a whole matrix.

The file comes out of a guest, which may have died over it: nothing in it is trusted.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from vlab.base import cache
from vlab.results import guest_file, outcome
from vlab.results.outcome import COUNTS_AS_FAILURE, KNOWN_FAULT, LAB, Case, CellResult, Outcome

MOST_BYTES = 30 << 20  # the suite keeps a run of all tests below it
_PART = re.compile("seconds: ([a-z -]{1,20})")  # fixtures/program/report_listener.cc
# XML 1.0, section 2.2: a document may not contain any other character, escaped or not.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitError(Exception):
    """The text is one sentence, without the file's name."""


def read(path: Path) -> list[Case]:
    """The tests of the report in its order, each once."""
    cases: dict[str, Case] = {}
    for element in _parse(path).iter("testcase"):
        case = _case(element)
        before = cases.get(case.test)
        if before is None or case.outcome > before.outcome:
            cases[case.test] = case  # of a test that was repeated, the worst
    if not cases:
        raise JunitError("the suite's report names no test")
    return list(cases.values())


def timings(path: Path) -> dict[str, float]:
    """Where the time of the run went: the seconds of each part, in the report's order."""
    return {
        part[1]: _seconds(value)
        for name, value in _properties(path).items()
        if (part := _PART.fullmatch(name))
    }


def kernel(path: Path) -> str:
    """The release that the suite ran on, as uname -r has it; "" if the report does not say."""
    return _properties(path).get("kernel", "")


def _properties(path: Path) -> dict[str, str]:
    """Of the run: they stand in each suite."""
    suite = next(_parse(path).iter("testsuite"), None)
    every = () if suite is None else suite.iterfind("properties/property")
    return {one.get("name", ""): one.get("value", "") for one in every}


def _parse(path: Path) -> ElementTree.Element:
    try:
        raw = guest_file.read(path, MOST_BYTES + 1)
    except FileNotFoundError:
        raise JunitError("the suite left no report") from None
    except OSError as error:
        raise JunitError(f"the suite's report cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise JunitError(f"the suite's report has more than {MOST_BYTES >> 20} MiB")
    if b"<!DOCTYPE" in raw:  # entities may blow up a small file to any size
        raise JunitError("the suite's report has a document type, as no JUnit file has")
    try:
        return ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise JunitError(f"the suite's report is not XML: {error}") from error


def summary(*paths: Path) -> str:
    """ "5 passed, 2 skipped, 0 failed", of all these files together."""
    number: Counter[Outcome] = Counter()
    for path in paths:
        try:
            number.update(case.outcome for case in read(path))
        except JunitError as error:
            return f"no numbers: {error}"
    number[Outcome.FAILED] = sum(number[one] for one in COUNTS_AS_FAILURE)
    return outcome.tally(number)


def amend(path: Path, judged: Callable[[Case], Case], trouble: str = "") -> None:
    """`judged` decides anew on each test, of a repeated one on each run. `trouble`: why the lab
    broke, which the test that ran then is told with, and a row of its own; "" if it did not."""
    root = _parse(path)
    for suite in root.iter("testsuite"):
        for element in suite.iterfind("testcase"):
            before = _case(element)
            after = judged(outcome.with_trouble(before, trouble))
            if after != before:
                for child in [child for child in element if child.tag in _MEANINGS]:
                    element.remove(child)
                _add_verdict(element, after)
    if trouble:
        _add_suites(root, [judged(outcome.of_lab(trouble))])
    _count(root)
    _write(path, root)


def add(path: Path, cases: Sequence[Case]) -> None:
    """Tests of the same lab that ran apart; their class names begin like those of the report."""
    root = _parse(path)
    first = next(root.iter("testcase"), None)
    where, dot, _ = ("" if first is None else first.get("classname", "")).rpartition(".")
    _add_suites(root, cases, where + dot)
    _count(root)
    _write(path, root)


def _add_suites(root: ElementTree.Element, cases: Sequence[Case], where: str = "") -> None:
    suites: dict[str, ElementTree.Element] = {}
    for case in cases:
        name = case.test.partition(".")[0]
        if name not in suites:
            suites[name] = ElementTree.SubElement(root, "testsuite", name=name)
        _add_case(suites[name], case, where)


def _count(root: ElementTree.Element) -> None:
    for suite in [root, *root.iter("testsuite")]:
        suite.attrib |= _numbers([_case(element) for element in suite.iter("testcase")])


def _case(element: ElementTree.Element) -> Case:
    """`classname` is "gve-nic0-7.3.4.ZcrxReceive"; an error is of a test that had not ended."""
    suite = element.get("classname", "").rpartition(".")[2]
    name = element.get("name", "").partition(" (repeat ")[0]
    if not suite or not name:
        raise JunitError("the suite's report has a test without a name")
    verdict = Outcome.PASSED
    texts: list[str] = []
    for tag, meaning in _MEANINGS.items():
        for child in element.findall(tag):
            if verdict is not meaning:
                verdict, texts = meaning, []
            # The message is the first line of what the element holds, or all there is.
            said, whole = child.get("message", ""), (child.text or "").strip()
            texts.append(whole if said in whole else f"{said}\n{whole}".strip())
    if verdict is Outcome.SKIPPED and texts[0].startswith(KNOWN_FAULT):
        verdict = Outcome.KNOWN
    return Case(f"{suite}.{name}", verdict, "\n".join(texts), _seconds(element.get("time", "")))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds >= 0 else 0.0


def write(path: Path, results: list[CellResult], name: str = "matrix") -> None:
    """All cells in one report; the class name bears NIC and kernel: "gve-7.3.4.ZcrxReceive"."""
    every = [case for result in results for case in result.cases]
    root = ElementTree.Element("testsuites", {"name": name, **_numbers(every)})
    for result in results:
        attributes = {"name": result.name, **_numbers(result.cases)}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for case in result.cases:
            _add_case(suite, case, f"{result.name}.")
    _write(path, root)


# From the weakest to the strongest, of a test that has several.
_MEANINGS = {
    "skipped": Outcome.SKIPPED, "failure": Outcome.FAILED, "error": Outcome.NO_RESULT
}  # fmt: skip
_TAGS = {meaning: tag for tag, meaning in _MEANINGS.items()} | {Outcome.KNOWN: "skipped"}


def _add_case(suite: ElementTree.Element, case: Case, where: str = "") -> None:
    group, _, name = case.test.partition(".")
    element = ElementTree.SubElement(
        suite, "testcase", name=name, classname=where + group, time=f"{case.seconds:.3f}"
    )
    _add_verdict(element, case)


def _add_verdict(element: ElementTree.Element, case: Case) -> None:
    if (tag := _TAGS.get(case.outcome)) is not None:
        text = _xml(case.text)
        first, _, more = text.partition("\n")
        verdict = ElementTree.SubElement(element, tag, message=first)
        verdict.text = text if more else None


def _write(path: Path, root: ElementTree.Element) -> None:
    """Whole or not at all: the tests of a run may stand nowhere else."""
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True).decode()
    cache.write(path, text)


def _numbers(cases: Sequence[Case]) -> dict[str, str]:
    number = Counter(case.outcome for case in cases)
    return {
        "tests": str(sum(number.values())),
        "failures": str(number[Outcome.FAILED]),
        "errors": str(number[Outcome.NO_RESULT]),
        "skipped": str(number[Outcome.SKIPPED] + number[Outcome.KNOWN]),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
