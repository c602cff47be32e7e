"""What came of a check: steps.json and junit.xml after every step, and the summary."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from checks.step import Result, Step
from vlab.results import junit
from vlab.results.outcome import Case, CellResult, Outcome

STEPS, JUNIT = "steps.json", "junit.xml"
# How unittest and GoogleTest begin what they say of a failed test.
_FAILURE = re.compile("^(FAIL|ERROR): |: Failure$")
_LINES = 25
_MOST_FAILURES = 4
_SHOUT_IN_BUDGETS = 2
_VERDICTS = {Outcome.PASSED: "passed", Outcome.FAILED: "FAILED", Outcome.SKIPPED: "not run"}


def say(text: str) -> None:
    print(text, flush=True)


def show(said: bytes) -> None:
    """Output of a step, as it is."""
    sys.stdout.buffer.write(said)
    sys.stdout.flush()


class Report:
    """The results of `steps`; `added` hears of each."""

    def __init__(
        self,
        tier: str,
        steps: Sequence[Step],
        folder: Path,
        added: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.tier = tier
        self._steps = {step.name: step for step in steps}
        self._folder = folder
        self._added = added
        self._results: dict[str, Result] = {}
        self._started = datetime.datetime.now(datetime.UTC)
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin

    @property
    def failed(self) -> list[str]:
        return [one.step for one in self._in_order() if one.outcome is Outcome.FAILED]

    def add(self, result: Result) -> None:
        self._results[result.step] = result
        self._write(STEPS, lambda path: path.write_text(self._json(), encoding="utf-8"))
        self._write(JUNIT, self._write_junit)
        self._added(result)

    def blocks(self, name: str) -> bool:
        return name in self._results and self._results[name].blocks

    def summary(self) -> Iterator[str]:
        """Every step; what failed ones said; those that were far slower than they should be."""
        results = self._in_order()
        for result in results:
            if result.outcome is Outcome.FAILED:
                yield from self._words(result)
        yield f"== {self.tier}"
        width = max((len(result.step) for result in results), default=0)
        for result in results:
            yield f"{result.step:{width}}  {_times(result)}  {_verdict(result)}"
        for result in results:
            budget = self._steps[result.step].budget[self.tier]
            if result.seconds > _SHOUT_IN_BUDGETS * budget:
                yield (
                    f"{result.step} took {result.seconds:.0f} s, more than "
                    f"{_SHOUT_IN_BUDGETS} times its budget of {budget:.0f} s"
                )

    def _in_order(self) -> list[Result]:
        return [self._results[name] for name in self._steps if name in self._results]

    def _words(self, result: Result) -> Iterator[str]:
        told, end = _told(self._log(result))
        if told:
            yield f"== {result.step} failed with"
            yield from told
        yield f"== {result.step}: {result.why}; it ended with"
        yield from end

    def _log(self, result: Result) -> Path:
        return self._folder / f"{result.step}.log"

    def _json(self) -> str:
        content = {
            "tier": self.tier,
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "steps": [self._entry(result) for result in self._in_order()],
        }
        return json.dumps(content, indent=1) + "\n"

    def _entry(self, result: Result) -> dict[str, str | float]:
        step = self._steps[result.step]
        return {
            "name": result.step,
            "verdict": result.outcome.name.lower(),
            "why": result.why,
            "seconds": round(result.seconds, 3),
            "cpu_seconds": round(result.cpu_seconds, 3),
            "budget": step.budget[self.tier],
            "limit": step.limit,
        }

    def _write_junit(self, path: Path) -> None:
        cases = [self._case(result) for result in self._in_order()]
        junit.write(path, [CellResult("check", self.tier, cases)], "check")

    def _case(self, result: Result) -> Case:
        text = result.why
        if result.outcome is Outcome.FAILED:
            told, end = _told(self._log(result))
            text = "\n".join([result.why, *told, "", *end])
        return Case(f"step.{result.step}", result.outcome, text, result.seconds)

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        """Whole or not at all: a reader may look while the check runs."""
        aside = self._folder / f".{name}"
        write(aside)
        os.replace(aside, self._folder / name)


def _times(result: Result) -> str:
    if result.outcome is Outcome.SKIPPED:
        return f"{'-':>7} {'':>13}"
    return f"{result.seconds:5.0f} s {result.cpu_seconds:7.0f} CPU-s"


def _verdict(result: Result) -> str:
    return _VERDICTS[result.outcome] + (f": {result.why}" if result.why else "")


def _told(log: Path) -> tuple[list[str], list[str]]:
    """What the tests of a failed step said, and how its log ends."""
    found: list[str] = []
    end: deque[str] = deque(maxlen=_LINES)
    failures = wanted = 0
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in map(str.rstrip, lines):
            end.append(line)
            if failures < _MOST_FAILURES and _FAILURE.search(line):
                failures += 1
                wanted = 1 + _LINES
            if wanted:
                found.append(line)
                wanted -= 1
    return found, list(end)
