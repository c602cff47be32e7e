"""Reads KTAP (Documentation/dev-tools/ktap.rst), the report of the kernel's selftests."""

from __future__ import annotations

import re

from vlab.results.outcome import Case, Outcome

_PLAN = re.compile(r"1\.\.(\d+)")
_RESULT = re.compile(r"(ok|not ok) (\d+) (\S+)(?: +# *(.*))?")
_TOLD = re.compile(r"# ?(?:Exception\| ?)?(.*)")


class KtapError(Exception):
    """The text is one sentence."""


def parse(text: str) -> list[Case]:
    """The results of one report without subtests; the lines before a result are its text."""
    planned: int | None = None
    cases: list[Case] = []
    told: list[str] = []
    for line in text.splitlines():
        if found := _PLAN.fullmatch(line):
            planned, told = int(found[1]), []
        elif found := _RESULT.fullmatch(line):
            cases.append(_case(found[1] == "ok", found[3], found[4] or "", told))
            told = []
        elif found := _TOLD.fullmatch(line):
            told.append(found[1])
    if planned is None:
        raise KtapError("the report has no plan")
    if len(cases) != planned:
        raise KtapError(f"the plan announces {planned} results, the report has {len(cases)}")
    return cases


def _case(passed: bool, test: str, directive: str, told: list[str]) -> Case:
    if directive.startswith(("SKIP", "XFAIL")):
        return Case(test, Outcome.SKIPPED, directive.partition(" ")[2])
    if passed:
        return Case(test, Outcome.PASSED)
    return Case(test, Outcome.FAILED, "\n".join(_cause_first(told)))


def _cause_first(told: list[str]) -> list[str]:
    """A Python traceback says last what happened."""
    for at, line in enumerate(told):
        if at and told[0].startswith("Traceback") and line and not line.startswith(" "):
            return [*told[at:], *told[:at]]
    return told
