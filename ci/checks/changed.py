"""What a check looks at: everything, or what changed since a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.paths import REPOSITORY
from vlab.base.process import capture

_GIT_S = 60.0


def git(*arguments: str, repository: Path = REPOSITORY, **options: object) -> str:
    return capture(["git", "-C", str(repository), *arguments], Deadline(_GIT_S), **options)


@dataclass(frozen=True)
class Changes:
    """`files`, from the top of the tree, differ from commit `since`; some may be gone."""

    since: str
    files: frozenset[str]

    @classmethod
    def load(cls, since: str, repository: Path = REPOSITORY) -> Changes:
        """What was committed since then, what is in the work tree, and files not yet added."""
        try:
            commit = git("rev-parse", "--verify", "--quiet", "--end-of-options",
                         f"{since}^{{commit}}", repository=repository).strip()  # fmt: skip
        except LabError:
            raise UsageError(f"--since: no commit is named '{since}'") from None
        differ = git("diff", "--name-only", "--no-renames", "-z", commit, repository=repository)
        new = git("ls-files", "--others", "--exclude-standard", "-z", "--full-name",
                  repository=repository)  # fmt: skip
        return cls(since, frozenset(filter(None, (differ + new).split("\0"))))


@dataclass(frozen=True)
class Scope:
    """`changes`: None for everything."""

    tier: str
    changes: Changes | None = None

    def files(self, *patterns: str) -> list[str]:
        """Files that are there and match, as git matches them."""
        return [
            name
            for name in _files(patterns)
            if self.changes is None or name in self.changes.files
        ]

    def touches_any(self, *patterns: str) -> bool:
        """Whether a file that matches is looked at, or is gone."""
        if self.changes is None:
            return True
        return any(fnmatch(name, one) for name in self.changes.files for one in patterns)

    def touches(self, *parts: str) -> bool:
        """Whether something of `parts` is looked at, as belongs() takes them."""
        return self.changes is None or any(belongs(name, parts) for name in self.changes.files)


def belongs(name: str, parts: Sequence[str]) -> bool:
    """Whether the file is below one of `parts` ("ci/vlab/"), or begins so. "!ci/vlab/base/" leaves
    out; the last that fits counts. What is written for people belongs to none."""
    fits = [part for part in parts if name.startswith(part.removeprefix("!"))]
    return bool(fits) and not fits[-1].startswith("!") and not is_prose(name)


def is_prose(name: str) -> bool:
    return name.endswith(".md")


@cache
def _files(patterns: Sequence[str]) -> list[str]:
    found = git("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns)
    return sorted({name for name in found.split("\0") if name and (REPOSITORY / name).is_file()})
