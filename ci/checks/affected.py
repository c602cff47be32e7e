"""Runs the unit tests that a change affects: python3 -m checks.affected BUILD_FOLDER SINCE

Ninja has noted which headers each object was made of, and knows what each program is linked from.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checks.changed import Changes, is_prose
from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.paths import REPOSITORY
from vlab.base.process import capture

_ASK_S = 60.0
_CXX = (".cc", ".h")
_RULES = ("CMakeLists.txt", "CMakePresets.json")  # of how everything is built
# What tests in Python import and read, beside their own folder.
_READ_BY_PYTHON = ("ci", "conf")


def main(arguments: Sequence[str]) -> int:
    folder, since = arguments
    try:
        changes = Changes.load(since)
        build = Build(Path(folder).resolve(), REPOSITORY, changes.files)
        command = _tests(build)
    except LabError as error:
        print(f"ci/check: {error}", file=sys.stderr)
        return EXIT_LAB
    if command:
        sys.stdout.flush()
        os.execvp(command[0], command)
    return 0


def _tests(build: Build) -> list[str]:
    every = json.loads(_ctest(build.folder, "--show-only=json-v1"))["tests"]
    names = [test["name"] for test in every if build.affects(test)]
    print(f"{len(names)} of {len(every)} unit tests are affected: {' '.join(names) or '-'}")
    only = f"^({'|'.join(map(re.escape, names))})$"
    run = ["--parallel", str(2 * len(os.sched_getaffinity(0))), "--output-on-failure"]
    return [*_words(build.folder), "--tests-regex", only, *run] if names else []


def _words(folder: Path) -> list[str]:
    return ["ctest", "--test-dir", str(folder), "--label-regex", "unit", "--no-tests=error"]


def _ctest(folder: Path, *arguments: str) -> str:
    return capture([*_words(folder), *arguments], Deadline(_ASK_S))


class Build:
    """A folder that Ninja has brought up to date, and files from the top of `repository` that
    changed."""

    def __init__(self, folder: Path, repository: Path, changed: frozenset[str]) -> None:
        self.folder = folder
        self._repository = repository
        self._changed = changed
        self._all = any(Path(name).name in _RULES for name in changed)
        paths = {str(repository / name) for name in changed}
        self._made_of_them = {
            made
            for made, used in _dependencies(self._ninja("deps"), folder).items()
            if not paths.isdisjoint(used)
        } | paths

    def affects(self, test: dict[str, Any]) -> bool:
        """`test` as `ctest --show-only=json-v1` tells it; what is not built has no command."""
        if self._all or "command" not in test:
            return True
        properties = {one["name"]: one["value"] for one in test["properties"]}
        values = [text.partition("=")[2] for text in properties.get("ENVIRONMENT", [])]
        programs = [Path(word) for word in [*test["command"], *values]]
        if any(self._rebuilds(program) for program in programs):
            return True
        if Path(test["command"][0]).is_relative_to(self.folder):
            return False
        read = [self._repository / name for name in _READ_BY_PYTHON]
        read.append(Path(properties["WORKING_DIRECTORY"]))
        return any(
            (self._repository / name).is_relative_to(folder)
            for name in self._changed
            if not name.endswith(_CXX) and not is_prose(name)
            for folder in read
        )

    def _rebuilds(self, program: Path) -> bool:
        if not program.is_relative_to(self.folder) or not program.is_file():
            return False
        inputs = self._ninja("inputs", str(program.relative_to(self.folder))).splitlines()
        return any(os.path.join(self.folder, name) in self._made_of_them for name in inputs)

    def _ninja(self, *arguments: str) -> str:
        return capture(["ninja", "-C", self.folder, "--quiet", "-t", *arguments], Deadline(_ASK_S))


def _dependencies(text: str, folder: Path) -> dict[str, set[str]]:
    """Of `ninja -t deps`: for what was made, what it was made of; absolute."""
    found: dict[str, set[str]] = {}
    used: set[str] = set()
    for line in text.splitlines():
        if line.startswith(" "):
            used.add(os.path.normpath(folder / line.strip()))
        elif line:
            made = line.partition(": #deps")[0]
            used = found.setdefault(os.path.normpath(folder / made), set())
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
