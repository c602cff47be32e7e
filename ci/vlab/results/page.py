"""The matrix as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from vlab.results.outcome import CellResult, Outcome
from vlab.results.report import WORDS, Part, Report, Section

_CLASSES = {
    Outcome.PASSED: "pass",
    Outcome.SKIPPED: "skip",
    Outcome.KNOWN: "known",
    Outcome.FAILED: "fail",
    Outcome.NO_RESULT: "fail",
}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem;
  padding: 0 1rem; background: light-dark(#fff, #16181c); color: light-dark(#1c1e21, #d9dce1); }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
/* The heads stay in sight: of the columns and, where there is room, of the rows. */
.wide { overflow: auto; max-height: 95vh; }
thead { position: sticky; top: 0; z-index: 2; }
thead, .name { background: light-dark(#fff, #16181c); }
@media (min-width: 60rem) { .name { position: sticky; left: 0; z-index: 1; } }
@media (max-width: 40rem) {
  .name { white-space: normal; overflow-wrap: anywhere; min-width: 10rem; }
}
table { border-collapse: collapse; }
th, td { padding: .25rem .6rem; text-align: left; white-space: nowrap; font-weight: normal; }
thead th { font-weight: 600; border-bottom: 1px solid light-dark(#c4c9d0, #41464f); }
.suite th { font-weight: 600; padding-top: .7rem; }
.first { border-left: 2px solid light-dark(#c4c9d0, #41464f); }
.name { font-family: ui-monospace, monospace; font-size: .87em; }
.pass { background: light-dark(#def3e1, #16351f); color: light-dark(#12602a, #8ed6a0); }
.skip { background: light-dark(#f3f1e4, #2c2a1e); color: light-dark(#6b5b12, #cfbf7c); }
.known { background: light-dark(#efe6f7, #2d2138); color: light-dark(#63338c, #c9a5ea); }
.fail { background: light-dark(#fbdcdc, #471a1c); color: light-dark(#9c1219, #ffb0b0);
  font-weight: 600; }
td a { color: inherit; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0; font-size: .87rem; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin-left: 1.5rem; }
.where { color: light-dark(#5b616b, #9aa1ac); }
.shout { font-weight: 600; }
"""
# Three NICs on six kernels fit into 1440 pixels, also if each test is known by a mark of two digits:
# what the verdicts leave is for the names.
_MATRIX_STYLE = """
table.matrix { font-size: .8rem; }
.matrix th, .matrix td { padding: .2rem .1rem; }
.matrix .name { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
.matrix .suite .name { font-size: .95em; }
.point { font-weight: normal; color: light-dark(#5b616b, #9aa1ac); }
.wide + .wide { margin-top: 2rem; }
.mark { font-size: .72em; margin-left: -.25em; vertical-align: super; line-height: 0; }
"""


def render(report: Report) -> str:
    verdict = "failed" if report.failed else "nothing failed"
    when = f"{report.started:%Y-%m-%d %H:%M %Z}: {report.summary()}."
    return document(f"zcrx-hwtest matrix: {verdict}", when, _body(report), _MATRIX_STYLE)


def document(title: str, summary: str, body: Iterator[str], style: str = "") -> str:
    """A whole page; `body` is HTML, the rest is text."""
    return "\n".join(_document(title, summary, body, style)) + "\n"


def _document(title: str, summary: str, body: Iterator[str], style: str) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    # Should a text of a guest ever get past the escaping, it could still load or run nothing.
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{escape(summary)}</p>"
    yield from body
    yield "</body></html>"


def _body(report: Report) -> Iterator[str]:
    for note in report.notes:
        yield f'<p class="shout">{escape(note)}</p>'
    for part in report.parts:
        yield '<div class="wide"><table class="matrix">'
        yield from _head(part)
        yield from _tests(report, part)
        yield "</table></div>"
    for section in report.sections:
        yield from _section(section)
    if report.complaints:
        yield "<h2>Complaints of the guests' kernels</h2><ul>"
        for said, cells in report.complaints.items():
            yield f'<li><pre>{escape(said)}</pre><div class="where">{escape(cells)}</div></li>'
        yield "</ul>"


def _head(part: Part) -> Iterator[str]:
    yield '<thead><tr><th rowspan="2" scope="col">Test</th>'
    for nic, group in part.groups.items():
        yield f'<th class="first" scope="colgroup" colspan="{len(group)}">{escape(nic)}</th>'
    yield "</tr><tr>"
    for group in part.groups.values():
        for result in group:
            series, _, point = result.kernel.rpartition(".")
            shown = f'{escape(series)}<br><span class="point">.{escape(point)}</span>'
            yield f'<th scope="col"{_first(result, group)}>{shown}</th>'
    yield "</tr></thead>"


def _tests(report: Report, part: Part) -> Iterator[str]:
    columns = 1 + len(part.results)
    suite = ""
    yield "<tbody>"
    for test in part.tests:
        group, _, name = test.partition(".")
        if group != suite:
            suite = group
            heading = f'<th colspan="{columns}" class="name">{escape(suite)}</th>'
            yield f'<tr class="suite">{heading}</tr>'
        shown = escape(name).replace("/", "/<wbr>")  # a long name may go on below its first part
        yield f'<tr><th scope="row" class="name">{shown}</th>'
        for results in part.groups.values():
            for result in results:
                yield _cell(report, result, test, results)
        yield "</tr>"
    yield "</tbody>"


def _cell(report: Report, result: CellResult, test: str, group: list[CellResult]) -> str:
    case = result.find(test)
    if case is None:
        return f"<td{_first(result, group)}></td>"
    shown, mark = WORDS[case.outcome], report.mark(case)
    if mark:
        shown += f' <a class="mark" href="#{mark}" title="{escape(case.text)}">{mark}</a>'
    return f"<td{_first(result, group, _CLASSES[case.outcome])}>{shown}</td>"


def _first(result: CellResult, group: list[CellResult], style: str = "") -> str:
    """The class of a cell; the first column of a NIC has a line before it."""
    classes = f"{style} first".strip() if result is group[0] else style
    return f' class="{classes}"' if classes else ""


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2><dl>"
    for number, reason in enumerate(section.reasons, start=1):
        mark = f"{section.mark}{number}"
        yield f'<dt id="{mark}">{mark}</dt><dd><pre>{escape(reason.text)}</pre>'
        yield f'<div class="where">{escape(reason.cells())}</div><ul class="where">'
        for test in dict.fromkeys(case.test for _, case in reason.where):
            yield f'<li class="name">{escape(test)}</li>'
        yield "</ul></dd>"
    yield "</dl>"
