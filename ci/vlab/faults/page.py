"""What the suite made of each fault, as one HTML page."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from html import escape

from vlab.faults.detection import FaultReport, FaultRun, idle_tests
from vlab.faults.table import left_out
from vlab.results.outcome import Outcome
from vlab.results.page import document

_STYLE = """
thead th.test { writing-mode: vertical-rl; transform: rotate(180deg); padding: .6rem .25rem;
  font-weight: normal; }
td.mark { text-align: center; padding: .25rem .3rem; min-width: 1.1rem; }
body { max-width: none; }
td.said div { white-space: normal; width: 30rem; }
td.caught { background: light-dark(#cdebd3, #1c4a2b); color: light-dark(#12602a, #8ed6a0);
  font-weight: 600; }
details { margin: .3rem 0; } summary { cursor: pointer; }
"""


def render(detections: Sequence[FaultReport], started: datetime.datetime) -> str:
    wrong = any(detection.all_problems() for detection in detections)
    verdict = "not as they should be" if wrong else "as they should be"
    when = f"{started:%Y-%m-%d %H:%M %Z}: "
    when += "; ".join(detection.summary() for detection in detections) + "."
    return document(f"zcrx-hwtest faults: {verdict}", when, _body(detections), _STYLE)


def _body(detections: Sequence[FaultReport]) -> Iterator[str]:
    for detection in detections:
        yield f"<h2>{escape(detection.name)}</h2>"
        yield from _problems(detection)
        yield '<div class="wide"><table>'
        yield from _head(detection)
        yield "<tbody>"
        for row in (detection.without, *detection.rows):
            yield from _row(detection, row)
        yield "</tbody></table></div>"
        yield from _details(detection)
        if detection.left_out:
            yield f"<p>{escape(left_out(detection))}</p>"
    if idle := idle_tests(detections):
        yield "<h2>Tests that no fault made fail</h2><ul>"
        for test in idle:
            yield f'<li class="name">{escape(test)}</li>'
        yield "</ul>"


def _problems(detection: FaultReport) -> Iterator[str]:
    for row, problem in detection.all_problems():
        yield f'<p class="shout">{escape(f"{row.fault}: {problem}")}</p>'


def _head(detection: FaultReport) -> Iterator[str]:
    yield '<thead><tr><th scope="col">Fault</th><th scope="col">Verdict</th>'
    yield '<th scope="col">What it said</th>'
    for test in detection.tests:
        yield f'<th scope="col" class="test name">{escape(test)}</th>'
    yield "</tr></thead>"


def _row(detection: FaultReport, row: FaultRun) -> Iterator[str]:
    yield f'<tr><th scope="row" class="name" title="{escape(row.summary)}">{escape(row.fault)}</th>'
    if row is detection.without:
        yield "<td></td><td></td>"
    else:
        style = "fail" if detection.problems(row) else "pass"
        link = f'<a href="#{_anchor(detection, row)}">{escape(detection.verdict(row))}</a>'
        yield f'<td class="{style}">{link}</td>'
        yield f'<td class="said"><div>{escape(row.said)}</div></td>'
    for test in detection.tests:
        yield _cell(row, test)
    yield "</tr>"


def _cell(row: FaultRun, test: str) -> str:
    case = row.find(test)
    if case is None:
        return '<td class="mark"></td>'
    style, mark = {
        Outcome.PASSED: ("", "·"),
        Outcome.SKIPPED: ("skip", "s"),
        Outcome.KNOWN: ("known", "k"),
        Outcome.NO_RESULT: ("skip", "?"),
    }.get(case.outcome, ("caught" if row.caught else "fail", "✗"))
    title = f"{row.fault}, {test}: {case.text.partition(chr(10))[0]}"
    return f'<td class="mark {style}" title="{escape(title)}">{mark}</td>'


def _details(detection: FaultReport) -> Iterator[str]:
    """All failures under each fault, with their texts."""
    for row in detection.rows:
        bites = "an unknown number of" if row.bites is None else str(row.bites)
        yield f'<details id="{_anchor(detection, row)}"><summary><span class="name">'
        yield f"{escape(row.fault)}</span>: {escape(row.summary)}; triggered {bites} times, "
        yield f"{escape(detection.verdict(row))}, {row.seconds:.0f} s</summary><dl>"
        for case in row.failures:
            yield f'<dt class="name">{escape(case.test)}</dt>'
            yield f"<dd><pre>{escape(case.text)}</pre></dd>"
        for text in [row.trouble] * bool(row.trouble) + list(row.complaints):
            yield f"<dt>The lab</dt><dd><pre>{escape(text)}</pre></dd>"
        yield "</dl></details>"


def _anchor(detection: FaultReport, row: FaultRun) -> str:
    return escape(f"{detection.nic}-{row.fault}")
