"""conf/mutations.toml: changes to the kernel's source, and the tests that must fail of each.

The file explains its keys.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlab.base import tables
from vlab.base.errors import LabError, UsageError
from vlab.base.nodev import NO_NIC
from vlab.base.paths import MUTATIONS
from vlab.machines.guests import KINDS

_ENDS = ("panic", "hang")


@dataclass(frozen=True)
class Mutation:
    """`file`: in the kernel's tree. `before` occurs in it once. `caught_by`: tests, with * and ?."""

    name: str
    file: str
    before: str
    after: str
    caught_by: str
    nic: str = NO_NIC
    ends: str = ""  # how the guest may end instead of a failure

    def catches(self, test: str) -> bool:
        return fnmatch.fnmatchcase(test, self.caught_by)

    def applied(self, tree: Path) -> str:
        """The file of `tree` with the change. LabError where it has no one place for it."""
        try:
            source = (tree / self.file).read_text(encoding="utf-8")
        except OSError as error:
            raise LabError(f"mutation {self.name}: {tree / self.file}: {error.strerror}") from error
        if (found := source.count(self.before)) != 1:
            raise LabError(
                f"mutation {self.name}: {tree / self.file} has its text {found} times instead of once"
            )
        return source.replace(self.before, self.after)


def load(path: Path = MUTATIONS) -> list[Mutation]:
    return [_mutation(where, entry) for where, entry in tables.read(path, "mutation", Mutation)]


def _mutation(where: str, entry: dict[str, Any]) -> Mutation:
    for key, value in entry.items():
        if not isinstance(value, str) or not (value or key == "after"):
            raise LabError(f"{where}: {key} is not a text, or empty")
    one = Mutation(**entry)
    where = f"{where} ({one.name})"
    # make finds a source file in the build's folder first, a header where the source file is.
    if not re.fullmatch(r"([\w-]+/)+[\w-]+\.c", one.file):
        raise LabError(f"{where}: file is not the path of a .c file in the kernel's tree")
    if one.before == one.after:
        raise LabError(f"{where}: before and after are the same")
    if one.nic not in KINDS:
        raise LabError(f"{where}: nic is not one of {', '.join(KINDS)}")
    if one.ends not in ("", *_ENDS):
        raise LabError(f"{where}: ends is neither {' nor '.join(_ENDS)}")
    return one


def chosen(mutations: Sequence[Mutation], names: Sequence[str]) -> list[Mutation]:
    """Those that `names` name, which may hold * and ?; all where there are none."""
    for name in names:
        if not fnmatch.filter([one.name for one in mutations], name):
            raise UsageError(f"no mutation has the name '{name}'")
    return [
        one
        for one in mutations
        if not names or any(fnmatch.fnmatchcase(one.name, name) for name in names)
    ]
