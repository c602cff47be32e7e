"""What the suite made of each mutation."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from vlab.faults.detection import headline
from vlab.machines.machine import panicked
from vlab.mutations.catalogue import Mutation
from vlab.results.outcome import Case, Outcome
from vlab.results.table import clean
from vlab.suites.suite import Ran

_HANG = "timed out after"


@dataclass(frozen=True)
class Tried:
    """`by`: the first test that caught it, "" for none. `said`: its failure, or why there is none."""

    name: str
    file: str
    caught_by: str
    caught: bool
    by: str
    said: str
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        return "caught" if self.caught else "SURVIVED"


def able(mutation: Mutation, control: Ran) -> set[str]:
    """The tests that can catch it: they pass without it."""
    return {
        case.test
        for case in control.cases
        if case.outcome is Outcome.PASSED and mutation.catches(case.test)
    }


def judged(mutation: Mutation, control: Ran, ran: Ran, seconds: float) -> Tried:
    """`control`: the run of a kernel as it was; `ran`: of the one with the mutation."""
    names = able(mutation, control)
    failed = [
        case for case in ran.cases if case.test in names and case.outcome is Outcome.FAILED
    ]
    if failed:
        return _tried(mutation, True, failed[0].test, headline(failed[0].text), seconds)
    ended = _end(ran.trouble)
    running = _running(ran.cases)
    if ended and ended == mutation.ends and running in names:
        return _tried(mutation, True, running, f"the guest's {ended}", seconds)
    number = len(ran.cases)
    said = ran.trouble.partition("\n")[0] or f"no failure in {number} test{'s' * (number != 1)}"
    return _tried(mutation, False, "", f"a {ended}: {said}" if ended else said, seconds)


def not_tried(mutation: Mutation, why: str) -> Tried:
    return _tried(mutation, False, "", why, 0.0)


def _tried(mutation: Mutation, caught: bool, by: str, said: str, seconds: float) -> Tried:
    return Tried(
        mutation.name, mutation.file, mutation.caught_by, caught, by, said, round(seconds, 1)
    )


def _end(trouble: str) -> str:
    if panicked(trouble):
        return "panic"
    return "hang" if trouble.startswith(_HANG) else ""


def _running(cases: Sequence[Case]) -> str:
    """The test that had not ended."""
    return next((case.test for case in cases if case.outcome is Outcome.NO_RESULT), "")


def summary(tried: Sequence[Tried], seconds: float) -> str:
    caught = sum(one.caught for one in tried)
    return f"{caught} of {len(tried)} mutations caught in {seconds:.0f} s"


def table(tried: Sequence[Tried], width: int) -> Iterator[str]:
    """A line for each, the survivors again at the end."""
    first = max((len(one.name) for one in tried), default=0)
    second = max((len(one.by) for one in tried), default=0)
    for one in tried:
        line = f"{one.name:{first}}  {one.verdict:8}  {one.by:{second}}  {clean(one.said)}".rstrip()
        yield line if len(line) <= width else f"{line[: width - 3]}..."
    if survivors := [one for one in tried if not one.caught]:
        yield ""
        yield "Not caught:"
        for one in survivors:
            yield f"  {one.name} ({one.file}) by {one.caught_by}: {clean(one.said)}"
    yield ""


def dump(tried: Sequence[Tried], kernel: str, started: datetime.datetime, seconds: float) -> str:
    whole = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "kernel": kernel,
        "mutations": [asdict(one) for one in tried],
    }
    return json.dumps(whole, indent=2) + "\n"
