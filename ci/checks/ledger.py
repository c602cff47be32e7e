"""What nightly has proven of this very tree, so that it goes on where it was cut off."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.changed import git
from checks.step import Result
from vlab.base import cache
from vlab.base.paths import REPOSITORY
from vlab.results.outcome import Outcome

_FILE = "ledger.json"


def tree_id(repository: Path = REPOSITORY) -> str:
    """Git's name for the content of the work tree, committed or not, without what it ignores.

    Nothing is written into the repository: index and new objects lie in a folder of ours.
    """
    index, objects = (
        repository / git("rev-parse", "--git-path", name, repository=repository).strip()
        for name in ("index", "objects")
    )
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "index"
        shutil.copy2(index, own)  # also what spares git to read each file
        environment = {
            **os.environ, "GIT_INDEX_FILE": str(own), "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects.resolve()),
        }  # fmt: skip
        git("add", "--all", "--", ":/", repository=repository, env=environment)
        return git("write-tree", repository=repository, env=environment).strip()


def home() -> Path:
    """Holds a folder for each tree; may be deleted whenever no nightly runs."""
    return cache.folder() / "nightly"


class Ledger:
    """The steps that passed with the content that `tree` names now, and how long all calls took."""

    def __init__(self, home: Path, tree: Callable[[], str], *, fresh: bool = False) -> None:
        self.tree = tree()
        self.folder = home / self.tree
        self._ask = tree
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._begin = time.monotonic()
        self._unproven: list[str] = []
        self._passed: dict[str, str] = {}
        self._calls: list[dict[str, Any]] = []
        try:
            content = json.loads((self.folder / _FILE).read_text(encoding="utf-8"))
            self._passed, self._calls = content["passed"], content["calls"]
        except (OSError, ValueError, KeyError):
            pass  # none yet, or one that cannot be read: all is proven anew
        self._calls.append({"started": _now(), "seconds": 0.0})

    @property
    def passed(self) -> dict[str, str]:
        """Each step that passed, and when."""
        return self._passed

    def add(self, result: Result) -> None:
        """A step that failed is forgotten. What was interrupted, or ran while the tree changed,
        proves nothing."""
        if result.outcome is Outcome.FAILED and not result.interrupted:
            self._passed.pop(result.step, None)
        elif result.outcome is Outcome.PASSED and self._ask() == self.tree:
            self._passed[result.step] = _now()
        elif result.outcome is Outcome.PASSED:
            self._unproven.append(result.step)
        self._calls[-1]["seconds"] = round(time.monotonic() - self._begin, 3)
        aside = self.folder / f".{_FILE}"
        content = {"passed": self._passed, "calls": self._calls}
        aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(aside, self.folder / _FILE)

    def summary(self) -> str:
        """How long it took: "tree 0123abcd: 5 h 03 min in 2 calls since 2026-03-01 22:00 UTC"."""
        self._calls[-1]["seconds"] = time.monotonic() - self._begin
        minutes = round(sum(call["seconds"] for call in self._calls) / 60)
        calls = f"{len(self._calls)} call{'s' * (len(self._calls) > 1)}"
        took = f"{minutes // 60} h {minutes % 60:02} min in {calls}"
        said = f"tree {self.tree[:12]}: {took} since {self._calls[0]['started']}"
        if self._unproven:
            names = " ".join(self._unproven)
            said += f"; the tree changed during {names}: not counted as passed"
        return said


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
