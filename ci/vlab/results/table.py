"""The matrix on a terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from vlab.results.outcome import CellResult, Outcome
from vlab.results.report import WORDS, Part, Report

_COLOURS = {
    Outcome.PASSED: "32",
    Outcome.SKIPPED: "33",
    Outcome.KNOWN: "35",
    Outcome.FAILED: "1;31",
    Outcome.NO_RESULT: "1;31",
}
# A guest's text is not to move the cursor, nor to turn the line around.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GAP = "  "


def width_or(otherwise: int) -> int:
    """Of the terminal; `otherwise` where standard output is not one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else otherwise


def render(report: Report, width: int, *, colour: bool) -> str:
    """`width` in characters: NICs that do not fit side by side follow one another."""
    lines = []
    for part in report.parts:
        together = _block(report, part, colour)
        fits = max(len(_plain(line)) for line in together) <= width
        alone = [replace(part, groups={nic: group}) for nic, group in part.groups.items()]
        blocks = [together] if fits else [_block(report, one, colour) for one in alone]
        lines += [line for block in blocks for line in [*block, ""]]
    for section in report.sections:
        lines.append(f"{section.title}:")
        for number, reason in enumerate(section.reasons, start=1):
            lines += _reason(f"{section.mark}{number}", clean(reason.text), reason.cells(), width)
        lines.append("")
    if report.complaints:
        lines.append("Complaints of the guests' kernels:")
        for said, cells in report.complaints.items():
            lines += _reason("", clean(said), cells, width)
        lines.append("")
    lines += [clean(note) for note in report.notes] + [""] * bool(report.notes)
    return "\n".join([*lines, clean(report.summary())]) + "\n"


def _block(report: Report, part: Part, colour: bool) -> list[str]:
    """A line for the NICs, two for the kernels, one for each suite and each of its tests."""
    groups, results = list(part.groups.values()), part.results
    ends = {id(group[-1]) for group in groups[:-1]}
    first = max((len(test.partition(".")[2]) + 2 for test in part.tests), default=0)
    cells = [[_cell(report, result, test) for test in part.tests] for result in results]
    widths = [
        max(len(series), len(point) + 1, *(len(word) for word, _ in column))
        for column, (series, point) in zip(cells, map(_kernel, results), strict=True)
    ]

    def row(name: str, words: Sequence[tuple[str, Outcome | None]]) -> str:
        line = name.ljust(first)
        for result, width, (word, outcome) in zip(results, widths, words, strict=True):
            shown = word if result is results[-1] else word.ljust(width)
            if colour and outcome is not None:
                shown = f"\x1b[{_COLOURS[outcome]}m{shown}\x1b[0m"
            line += _GAP + shown + (_GAP + "|") * (id(result) in ends)
        return line.rstrip()

    starts = {id(group[0]) for group in groups}
    lines = [
        row("", [(result.nic if id(result) in starts else "", None) for result in results]),
        row("", [(_kernel(result)[0], None) for result in results]),
        row("", [(f".{_kernel(result)[1]}", None) for result in results]),
    ]
    suite = ""
    for number, test in enumerate(part.tests):
        group, _, name = test.partition(".")
        if group != suite:
            suite = group
            lines.append(row(clean(suite), [("", None)] * len(results)))
        lines.append(row(f"  {clean(name)}", [column[number] for column in cells]))
    return lines


def _cell(report: Report, result: CellResult, test: str) -> tuple[str, Outcome | None]:
    case = result.find(test)
    if case is None:  # the row of the lab itself, which had no trouble here
        return "", None
    return f"{WORDS[case.outcome]} {report.mark(case)}".rstrip(), case.outcome


def _kernel(result: CellResult) -> tuple[str, str]:
    series, _, point = result.kernel.rpartition(".")
    return series, point


def _reason(mark: str, text: str, cells: str, width: int) -> list[str]:
    return paragraph(mark, f"{text}\n-- {cells}", width)


def paragraph(mark: str, text: str, width: int) -> list[str]:
    """Indented behind `mark`, its lines wrapped."""
    indent = " " * 6
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, max(width, 40) - len(indent), break_on_hyphens=False) or [""]
    lead = f"{mark:>4}  "
    return [lead + lines[0], *(indent + line for line in lines[1:])]


def _plain(line: str) -> str:
    return re.sub("\x1b\\[[0-9;]*m", "", line)


def clean(text: str) -> str:
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
