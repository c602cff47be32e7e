"""Which of our tests a lab runs: with a NIC all that need one, without all that need none.

What the user selects is passed on as it is to a lab with a NIC, which can run everything. One without
runs of it what needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from vlab.base.deadline import Deadline
from vlab.base.nodev import PREFIX
from vlab.base.process import capture
from vlab.machines.guests import Kind

_FILTER = "--gtest_filter"
_LIST_S = 60.0


def arguments(words: Sequence[str], nic: Kind) -> list[str]:
    """`words` of the user's as a lab with `nic` gives them to the suite."""
    mine = [word for word in words if word.partition("=")[0] == _FILTER]
    if nic.config:
        return [*([] if mine else [f"{_FILTER}=-{PREFIX}*"]), *words]
    others = [word for word in words if word not in mine]
    last = mine[-1].partition("=")[2] if mine else ""  # which counts for GoogleTest
    return [*others, f"{_FILTER}={without_nic(last)}"]


def without(tests: Sequence[str]) -> list[str]:
    """The arguments of a lab with a NIC that leave out `tests` too."""
    return [f"{_FILTER}=-{':'.join([f'{PREFIX}*', *tests])}"] if tests else []


def only(tests: Iterable[str]) -> list[str]:
    return [f"{_FILTER}={':'.join(tests)}"]


def leaves_out(words: Sequence[str]) -> bool:
    """Whether the suite leaves out tests with these arguments of the user's."""
    return any(word.partition("=")[0] in (_FILTER, "--check") for word in words)


def selects(programs: Path, words: Sequence[str], nic: Kind) -> bool:
    """Whether a lab with `nic` has anything to do; asks the suite of this build."""
    if "--check" in words:  # asks what a NIC can do
        return bool(nic.config)
    chosen = [word for word in arguments(words, nic) if word.startswith(_FILTER)]
    return bool(listed(programs, chosen))


class Test(NamedTuple):
    name: str  # "ZcrxRefusal.OfOneWrongValue/id"
    parameter: str = ""  # as it prints itself

    @property
    def suite(self) -> str:
        return self.name.partition(".")[0]

    def has(self, name: str) -> bool:
        """Whether that names it, perhaps without its variant, perhaps with wildcards."""
        return fnmatchcase(self.name, name) or self.name.partition("/")[0] == name


def listed(programs: Path, chosen: Sequence[str] = ()) -> list[Test]:
    """The tests of this build's suite."""
    program = programs / "zcrx_tests"
    return read(capture([program, "--gtest_list_tests", *chosen], Deadline(_LIST_S)))


def read(text: str) -> list[Test]:
    """Of what --gtest_list_tests prints: "Suite." and below it "  Name/variant"."""
    found, suite = [], ""
    for line in text.splitlines():
        name, _, parameter = line.partition("  # GetParam() = ")
        if name.startswith("  "):
            found.append(Test(suite + name.strip(), parameter))
        elif name:
            suite = name.split()[0]
    return found


def without_nic(chosen: str) -> str:
    """The filter of GoogleTest's that selects what `chosen` does and needs no NIC."""
    wanted, dash, unwanted = chosen.partition("-")
    patterns = dict.fromkeys(
        PREFIX + rest for pattern in (wanted or "*").split(":") for rest in _behind(PREFIX, pattern)
    )
    # What begins like that and goes no further is no test.
    return ":".join(patterns or [PREFIX]) + dash + unwanted


def _behind(text: str, pattern: str) -> list[str]:
    """The patterns for what may follow `text` in names that match `pattern`."""
    left = [pattern]
    for character in text:
        left = [rest for one in left for rest in _after(character, one)]
    return list(dict.fromkeys(left))


def _after(character: str, pattern: str) -> Iterator[str]:
    """What is left of `pattern` once it has matched `character`."""
    first, rest = pattern[:1], pattern[1:]
    if first == "*":
        yield pattern
        yield from _after(character, rest)
    elif first and first in (character, "?"):
        yield rest
