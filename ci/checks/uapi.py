"""test/hw/UAPI.md, held to the tests that there are: python3 -m checks.uapi BUILD_FOLDER [--write]

What the page says of io_uring's interface is written by hand, a row an item. What the tests say of
themselves (--gtest_list_tests) and the counts are generated: --write renews them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.paths import REPOSITORY
from vlab.suites import selection
from vlab.suites.selection import Test

PAGE = REPOSITORY / "test/hw/UAPI.md"
_TO_RENEW = "PYTHONPATH=ci python3 -m checks.uapi build --write"
_BEGIN, _END = "<!-- generated: {} -->\n", "<!-- end -->\n"
_BLOCK = re.compile(_BEGIN.format(r"(\w+)") + ".*?" + _END, re.DOTALL)
_NAME = re.compile(r"`(Zcrx\w+\.[\w*/]+)`")
# WrongValue in test/hw/wrong_value.h: "EINVAL, 987: reg.zcrx_id", "1235: niov_idx"; the number is a
# line of io_uring/zcrx.c.
_REFUSAL = re.compile(r"(?:(E[A-Z0-9]+), )?((?:[\w.]+\.c(?::\d+)?|\d+(?: and \d+)*)(?::.*)?)")
_COLUMNS = ["item", "kernel", "since", "tests", "not tested"]


class Item(NamedTuple):
    """A row of the interface."""

    name: str
    tests: str
    lacks: str


def main(arguments: Sequence[str]) -> int:
    write = "--write" in arguments
    (folder,) = [word for word in arguments if word != "--write"]
    try:
        tests = selection.listed(Path(folder).resolve())
    except LabError as error:
        print(f"ci/check: {error}", file=sys.stderr)
        return EXIT_LAB
    page = PAGE.read_text(encoding="utf-8")
    if write:
        page = renewed(page, tests)
        PAGE.write_text(page, encoding="utf-8")
    found = complaints(page, tests)
    for complaint in found:
        print(f"{PAGE.relative_to(REPOSITORY)}: {complaint}", file=sys.stderr)
    return 1 if found else 0


def complaints(page: str, tests: Sequence[Test]) -> list[str]:
    """What is wrong with the page, a sentence each."""
    named = set(_NAME.findall(_BLOCK.sub("", page)))
    found = [
        f"no test is named {name}"
        for name in sorted(named)
        if not any(test.has(name) for test in tests)
    ]
    suites = {name.partition(".")[0] for name in named}
    found += [
        f"the suite {suite} is not named"
        for suite in dict.fromkeys(test.suite for test in tests)
        if suite not in suites
    ]
    found += [
        f'"{item.name}" has neither a test nor a reason'
        for item in items(page)
        if not item.tests and not item.lacks
    ]
    if renewed(page, tests) != page:
        found.append(f"not what the tests say of themselves: {_TO_RENEW}")
    return found


def items(page: str) -> list[Item]:
    """The rows of all tables of the interface."""
    found: list[Item] = []
    inside = False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells == _COLUMNS:
            inside = True
        elif inside and not line.startswith("|--"):
            item, _, _, tests, lacks = cells
            found.append(Item(item, tests, lacks))
    return found


def renewed(page: str, tests: Sequence[Test]) -> str:
    """The page with what is generated as it has to be."""
    contents = {"counts": _counts(items(page)), "refusals": _refusals(tests)}
    return _BLOCK.sub(lambda block: _BEGIN.format(block[1]) + contents[block[1]] + _END, page)


def _counts(every: Sequence[Item]) -> str:
    tested = sum(not item.lacks for item in every)
    in_part = sum(bool(item.tests and item.lacks) for item in every)
    rest = len(every) - tested - in_part
    return f"Of {len(every)} items {tested} are tested, {in_part} in part, {rest} not.\n"


def _refusals(tests: Sequence[Test]) -> str:
    lines: list[str] = []
    table = ""
    for test in tests:
        refusal = _REFUSAL.fullmatch(test.parameter)
        if not refusal:
            continue
        code, where = refusal.groups()
        name, _, variant = test.name.partition("/")
        if name != table:
            lines += ["", f"`{name}`", "", "| wrong | answer | kernel |", "|---|---|---|"]
            table = name
        if where[0].isdigit():
            where = f"zcrx.c:{where}"
        where = where.replace("|", r"\|")
        lines.append(f"| {variant} | {code or 'ignored'} | `{where}` |")
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
