"""What the suite made of each fault, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vlab.faults.detection import FaultReport, FaultRun
from vlab.results.outcome import Outcome
from vlab.results.table import clean, paragraph

_MARKS = {
    Outcome.PASSED: ".",
    Outcome.SKIPPED: "s",
    Outcome.KNOWN: "k",
    Outcome.FAILED: "X",
    Outcome.NO_RESULT: "?",
}
_KEY = "X fails   . passes   s skipped   k fails by a known fault   ? has no result"


def render(detection: FaultReport, width: int, *, colour: bool) -> str:
    return "\n".join(_lines(detection, width, colour)) + "\n"


def _lines(detection: FaultReport, width: int, colour: bool) -> Iterator[str]:
    rows = [detection.without, *detection.rows]
    first = max(len(row.fault) for row in rows)
    verdicts = max(len(detection.verdict(row)) for row in rows)
    numbers = [str(number) for number in range(1, len(detection.tests) + 1)]
    digits = max((len(number) for number in numbers), default=0)
    for digit in range(digits):
        name = detection.name if digit == 0 else ""
        yield f"{name:{first}}  {''.join(number.rjust(digits)[digit] for number in numbers)}"
    for row in rows:
        cells = "".join(_cell(detection, row, test, colour) for test in detection.tests)
        verdict = detection.verdict(row) if row is not detection.without else ""
        shown = f"{verdict:{verdicts}}"
        if colour and verdict:
            shown = f"\x1b[{'1;31' if detection.problems(row) else '32'}m{shown}\x1b[0m"
        lead = first + len(detection.tests) + verdicts + 6
        said = _cut(clean(row.said), width - lead) if verdict else ""
        yield f"{row.fault:{first}}  {cells}  {shown}  {said}".rstrip()
    yield _KEY
    for number, test in zip(numbers, detection.tests, strict=True):
        yield f"{number:>4}  {clean(test)}"
    yield ""
    yield from _section("Not as it should be", detection.all_problems(), width)
    known = [(row, sentence) for row in rows for sentence in detection.known(row)]
    yield from _section("Known faults of the kernel or driver", known, width)
    traces = [(row, row.trouble) for row in rows if row.panicked]
    yield from _section("The guest's kernel panicked", traces, width)
    complaints = [(row, said) for row in rows for said in row.complaints]
    yield from _section("Complaints of the guests' kernels", complaints, width)
    if detection.left_out:
        yield from paragraph("", left_out(detection), width)
    yield clean(detection.summary())


def left_out(detection: FaultReport) -> str:
    """For a report that leaves something out."""
    return f"Left out, and all tests but one of each fault: {', '.join(detection.left_out)}"


def _cell(detection: FaultReport, row: FaultRun, test: str, colour: bool) -> str:
    case = row.find(test)
    mark = " " if case is None else _MARKS[case.outcome]
    if colour and mark == "X":
        return f"\x1b[{'32' if row.caught else '1;31'}m{mark}\x1b[0m"
    return mark


def _section(title: str, found: list[tuple[FaultRun, str]], width: int) -> Iterator[str]:
    if found:
        yield f"{title}:"
        for row, text in found:
            yield from paragraph("", clean(f"{row.fault}: {text}"), width)
        yield ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 3, 20)]}..."
