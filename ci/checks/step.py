"""One step of a check, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlab.results.outcome import Outcome

TIERS = ("quick", "gate", "nightly")
# A machine may be several times as slow as the one that the budgets were measured on, and loaded.
_LIMIT_IN_BUDGETS = 6
_LEAST_LIMIT_S = 120.0

Command = Sequence[str]

_INTERRUPTED = "interrupted by "


@dataclass(frozen=True)
class Step:
    """`commands` run one after the other until one fails; without any there is nothing to do.
    `budget`: seconds in each tier that has the step. `needs`: earlier steps that have to pass.
    `parts`: what its verdict depends on, as belongs() takes them; none: on everything.
    `background`: runs beside the others, with what they leave of the machine. `rebuilds`: makes
    something in the tree, so it runs again whenever a later step needs that. `limit_s`: seconds
    until it counts as hung; `due_s` instead: counted from the beginning of the check, for a step
    that may get next to nothing of the machine while others run."""

    name: str
    commands: Sequence[Command]
    budget: Mapping[str, float]
    needs: Sequence[str] = ()
    parts: Sequence[str] = ()
    background: bool = False
    rebuilds: bool = False
    limit_s: float | None = None
    due_s: float | None = None

    @property
    def limit(self) -> float:
        """In quick too: a clean clone has everything to build."""
        if self.due_s is not None:
            return self.due_s
        if self.limit_s is not None:
            return self.limit_s
        return max(_LEAST_LIMIT_S, _LIMIT_IN_BUDGETS * max(self.budget.values()))


def interrupted_by(signal: str) -> str:
    """Why a step has no result of its own then."""
    return _INTERRUPTED + signal


@dataclass(frozen=True)
class Result:
    """`why`: why it failed or did not run. `blocks`: steps that need this one cannot run."""

    step: str
    outcome: Outcome
    why: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    blocks: bool = False

    @property
    def interrupted(self) -> bool:
        """Somebody ended it: how it would have come out is not known."""
        return self.why.startswith(_INTERRUPTED)

    def __str__(self) -> str:
        took = f"{self.step}: {self.seconds:.0f} s, {self.cpu_seconds:.0f} CPU-s"
        return took if self.outcome is Outcome.PASSED else f"{took}: FAILED: {self.why}"
