"""conf/faults.toml: the faults that an emulated NIC can be given, and how the suite must react.

The NIC process decides what a fault does, and which NIC has it; here it is a name. The file explains
its keys.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vlab.base import tables
from vlab.base.errors import LabError, UsageError
from vlab.base.paths import FAULTS
from vlab.faults import abilities
from vlab.faults.abilities import Abilities
from vlab.machines.guests import NICS

_COMMAND = "COMMAND"
_REACTIONS = ("caught", "survived")


@dataclass(frozen=True)
class FaultKind:
    """`expect`: "caught" or "survived". `by`: the tests that must catch it, with * and ?. `says`: a
    regular expression that the text of one of their failures matches. `survived`: commands that a
    driver does without; `logged`: of which it logs some failures and goes on. `only_by`: no other
    tests are run. `panics`: a panic of the guest counts as caught."""

    name: str
    summary: str
    expect: str
    argument: int | str | None = None
    by: Sequence[str] = ()
    says: str = ""
    survived: Sequence[str] = ()
    logged: Sequence[str] = ()
    only_by: bool = False
    panics: bool = False

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name}[={self.argument}]"


@dataclass(frozen=True)
class InjectedFault:
    """A fault as it is set: `text` is "drop" or "drop=50"."""

    fault: FaultKind
    text: str

    @property
    def caught(self) -> bool:
        return self.fault.expect == "caught" and self._argument not in self.fault.survived

    @property
    def by(self) -> Sequence[str]:
        """The tests that must catch it; where there are none, any of those that run."""
        return () if self._argument in self.fault.logged else self.fault.by

    @property
    def _argument(self) -> str:
        return self.text.partition("=")[2]


@dataclass(frozen=True)
class Catalogue:
    """`nics`: what each can be given; only `kind` and `help` do without."""

    faults: Sequence[FaultKind]
    nics: Mapping[str, Abilities] = field(default_factory=dict)

    def of_build(self, programs: Path) -> Catalogue:
        return replace(self, nics=abilities.of_build(programs))

    def kind(self, text: str) -> FaultKind:
        """UsageError where it is none, on any NIC; a number's bounds the NIC process knows."""
        name, equals, argument = text.partition("=")
        fault = next((one for one in self.faults if one.name == name), None)
        if fault is None:
            known = ", ".join(one.name for one in self.faults)
            raise UsageError(f"unknown fault '{name}'; there are {known}")
        if fault.argument is None and equals:
            raise UsageError(f"the fault {name} takes no argument")
        if isinstance(fault.argument, int) and equals and not re.fullmatch(r"\d{1,9}", argument):
            raise UsageError(f"the argument of {name} is a number, as in {name}={fault.argument}")
        return fault

    def setting(self, text: str, nic: str) -> InjectedFault:
        """UsageError where `nic` cannot be given it."""
        fault = self.kind(text)
        if nic not in (able := self._able(fault)):
            raise UsageError(f"{fault.name} is a fault of {' and '.join(able)}, not of {nic}")
        commands = self.nics[nic].commands
        if fault.argument == _COMMAND and text.partition("=")[2] not in commands:
            raise UsageError(
                f"{fault.name} needs a command of {nic}: {fault.name}={'|'.join(commands)}"
            )
        return InjectedFault(fault, text)

    def settings(self, nic: str) -> list[InjectedFault]:
        """Every fault of `nic`; those of commands with each that restarts a queue."""
        return [
            InjectedFault(fault, f"{fault.name}={command}" if command else fault.name)
            for fault in self.faults
            if nic in self._able(fault)
            for command in (self.nics[nic].restart if fault.argument == _COMMAND else [""])
        ]

    def wanted(self, texts: Sequence[str], nic: str) -> list[InjectedFault]:
        """Those of a user's `texts` that `nic` has; UsageError for one that no NIC has. A fault of
        commands without one means each that restarts a queue."""
        found = []
        for text in texts:
            if not any(self._meant(text, one) for one in self.nics):
                self.setting(text, nic)  # which says why
            found += self._meant(text, nic)
        return found

    def gate(self, nic: str) -> list[InjectedFault]:
        """Those of `settings` that the gate runs: each fault once over all NICs, with one test,
        which must catch it: a panic would prove nothing about the test. The NICs run side by side,
        so each fault goes to the one that has the fewest so far."""
        shares: dict[str, list[InjectedFault]] = {one: [] for one in NICS}
        for fault in self.faults:
            least = min(
                (one for one in shares if one in self._able(fault)), key=lambda one: len(shares[one])
            )
            text = fault.name
            if fault.argument == _COMMAND:
                text += f"={self.nics[least].restart[0]}"
            only = replace(fault, by=fault.by[:1], panics=False)
            shares[least].append(InjectedFault(only, text))
        return shares.get(nic, [])

    def _meant(self, text: str, nic: str) -> list[InjectedFault]:
        of_name = [one for one in self.settings(nic) if one.fault.name == text != one.text]
        try:
            return of_name or [self.setting(text, nic)]
        except UsageError:
            return []

    def _able(self, fault: FaultKind) -> list[str]:
        return sorted(nic for nic, able in self.nics.items() if fault.name in able.faults)

    def help(self) -> str:
        """The part of --help about them."""
        return "\n".join(["Faults, as NAME[=ARGUMENT]:", *self._lines()])

    def _lines(self) -> Iterator[str]:
        for fault in self.faults:
            said = textwrap.wrap(fault.summary, 64, break_on_hyphens=False)
            for number, line in enumerate(said):
                yield f"  {'' if number else fault!s:30}{line}"


def load(path: Path = FAULTS) -> Catalogue:
    return Catalogue([_fault(where, entry) for where, entry in tables.read(path, "fault", FaultKind)])


def _fault(where: str, entry: dict[str, Any]) -> FaultKind:
    one = FaultKind(**entry)
    if one.expect not in _REACTIONS:
        raise LabError(f"{where}: expect is neither {' nor '.join(_REACTIONS)}")
    try:
        re.compile(one.says)
    except (re.error, TypeError) as error:
        raise LabError(f"{where}: says is no regular expression: {error}") from error
    return one
