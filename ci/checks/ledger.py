"""What nightly has proven, so that it goes on where it was cut off or a change has left it."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from checks.changed import belongs, git
from checks.step import Result, Step
from vlab.base import cache
from vlab.base.paths import REPOSITORY
from vlab.results.outcome import Outcome

Files = Mapping[str, str]  # a file's name from the top of the tree, and Git's of its content


def files(repository: Path = REPOSITORY) -> Files:
    """Of the work tree, committed or not, without what Git ignores.

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
        listed = git("ls-files", "--stage", "-z", "--", ":/", repository=repository, env=environment)
        entries = (line.split("\t", 1) for line in listed.split("\0")[:-1])
        return {name: what for what, name in entries}


def home() -> Path:
    """Holds a folder for each step; may be deleted whenever no nightly runs."""
    return cache.folder() / "nightly"


def claim(step: Step, all_files: Files) -> str:
    """Names what a verdict of `step` is about: its commands, and what they are run on."""
    commands = json.dumps(step.commands).replace(str(REPOSITORY), ".")
    content = [
        f"{name} {what}"
        for name, what in sorted(all_files.items())
        if not step.parts or belongs(name, step.parts)
    ]
    return hashlib.sha256("\n".join([commands, *content]).encode()).hexdigest()


class Ledger:
    """Which of `steps` passed with the `now` files, whenever that was."""

    def __init__(
        self, home: Path, steps: Sequence[Step], now: Callable[[], Files], *,
        fresh: bool = False,
    ) -> None:  # fmt: skip
        self._home = home
        self._steps = {step.name: step for step in steps}
        self._now = now
        found = now()
        self._claims = {step.name: claim(step, found) for step in steps}
        self._unproven: list[str] = []
        self._records: dict[str, dict[str, Any]] = {}
        self._spent: dict[str, float] = {}  # seconds of calls that were interrupted
        for name in self._steps:
            if fresh:
                shutil.rmtree(self._home / name, ignore_errors=True)
            try:
                record = json.loads(self._record(name).read_text(encoding="utf-8"))
                seconds = float(record["seconds"])
                if "at" in record:
                    self._records[name] = {"at": str(record["at"]), "seconds": seconds}
                else:
                    self._spent[name] = seconds
            except (OSError, ValueError, KeyError, TypeError):
                pass  # none, or one that cannot be read: it is proven anew

    @property
    def passed(self) -> dict[str, str]:
        """Each step that passed, and when."""
        return {name: record["at"] for name, record in self._records.items()}

    def add(self, result: Result) -> None:
        """A step that failed is forgotten. What was interrupted proves nothing, but took its time;
        nor does what ran while its files changed."""
        name = result.step
        if result.outcome is Outcome.SKIPPED:
            return
        seconds = round(self._spent.pop(name, 0.0) + result.seconds, 3)
        if result.interrupted:
            if name not in self._records:
                self._spent[name] = seconds
                self._write(name, {"seconds": seconds})
        elif result.outcome is Outcome.FAILED:
            self._records.pop(name, None)
            self._record(name).unlink(missing_ok=True)
        elif claim(self._steps[name], self._now()) != self._claims[name]:
            self._unproven.append(name)
        else:
            at = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
            self._records[name] = {"at": at, "seconds": seconds}
            self._write(name, self._records[name])

    def summary(self) -> str:
        """How long it took: "40 of 41 steps passed since 2026-03-01 22:00 UTC and took 5 h 03 min,
        2 h 10 min more in the background"."""
        total = {True: 0.0, False: 0.0}
        for name, record in self._records.items():
            total[self._steps[name].background] += record["seconds"]
        said = f"{len(self._records)} of {len(self._steps)} steps passed"
        if self._records:
            since = min(record["at"] for record in self._records.values())
            said += f" since {since} and took {_hours(total[False])}"
            said += f", {_hours(total[True])} more in the background"
        if self._unproven:
            names = " ".join(self._unproven)
            said += f"; their files changed during {names}: not counted as passed"
        return said

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        cache.write(self._record(name), json.dumps(record) + "\n")

    def _record(self, name: str) -> Path:
        return self._home / name / f"{self._claims[name]}.json"


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"
