"""Which lines, branches and functions of a kernel ran: what lcov(1) makes of gcov's counters."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture

_LCOV_S = 900.0
_BRANCHES = ("--rc", "lcov_branch_coverage=1")


@dataclass
class Covered:
    """Of one source file: how often each line, branch and function ran."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)
    functions: dict[str, int] = field(default_factory=dict)


def take(counters: bytes, build: Path, sources: Iterable[Path], info: Path) -> None:
    """Writes to `info`, in lcov's format, what a guest's `counters` say of `sources`: a tar archive of
    .gcda files by their path in `build`."""
    folder = info.with_suffix(".gcda")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        archive = tarfile.open(fileobj=io.BytesIO(counters), mode="r:")
        members = {
            member.name.removeprefix("./"): member
            for member in archive.getmembers()
            if member.isreg() and not member.issparse() and member.size <= len(counters)
        }
        for source in sources:  # by their names: whatever else a guest has put there stays there
            name = str(source.with_suffix(".gcda"))
            content = archive.extractfile(members[name]) if name in members else None
            if content is None:
                continue  # not built, or never started
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())
            shutil.copy(build / source.with_suffix(".gcno"), target.with_suffix(".gcno"))
    except (tarfile.TarError, OSError) as error:
        raise LabError(f"the guest's counters cannot be read: {error}") from error
    if not folder.exists():
        raise LabError("the guest has no counters: its kernel is not built with coverage")
    _lcov("--capture", "--directory", folder, "--output-file", info)
    shutil.rmtree(folder)


def merge(parts: Sequence[Path], tree: Path, sources: Iterable[Path], merged: Path) -> None:
    """Adds up `parts`, of `sources` in `tree` only."""
    added = merged.with_suffix(".all")
    adds = [f"--add-tracefile={part}" for part in parts]
    _lcov(*adds, "--output-file", added)
    there = set(added.read_text(encoding="utf-8").splitlines())
    reached = [path for one in sources if f"SF:{(path := tree / one)}" in there]
    _lcov("--extract", added, *reached, "--output-file", merged)
    added.unlink()


def page(merged: Path, tree: Path, title: str, folder: Path) -> None:
    """The annotated source, with the functions of each file and how often they ran."""
    capture(
        ["genhtml", "--quiet", "--branch-coverage", "--demangle-cpp", "--prefix", tree, "--title",
         title, "--output-directory", folder, merged],
        Deadline(_LCOV_S),
    )  # fmt: skip


def read(info: Path, tree: Path) -> dict[str, Covered]:
    """By the path in `tree`. Format: geninfo(1), "Files"."""
    found: dict[str, Covered] = {}
    one = Covered()
    for line in info.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        words = value.split(",")
        if key == "SF":
            one = found.setdefault(str(Path(value).relative_to(tree)), Covered())
        elif key == "DA":
            one.lines[int(words[0])] = int(words[1])
        elif key == "BRDA":
            one.branches[",".join(words[:-1])] = 0 if words[-1] == "-" else int(words[-1])
        elif key in ("FNDA", "FNA"):  # FNA of lcov 2 has a number of the function before
            one.functions[words[-1]] = int(words[-2])
    return found


def table(suites: Mapping[str, Mapping[str, Covered]]) -> list[str]:
    """Per file the percentage of lines and branches that each suite reaches; "all" merged."""
    names = sorted({name for files in suites.values() for name in files})
    width = max(map(len, names), default=0)
    head = "  ".join(f"{suite:>16}" for suite in suites)
    below = "  ".join(["   lines branches"] * len(suites))
    lines = [f"{'':{width}}  {head}", f"{'':{width}}  {below}"]
    for name in names:
        cells = (files.get(name, Covered()) for files in suites.values())
        shares = "  ".join(f"{_share(one.lines)}  {_share(one.branches)}" for one in cells)
        lines.append(f"{name:{width}}  {shares}".rstrip())
    return lines


def only_in(ours: Mapping[str, Covered], other: Mapping[str, Covered]) -> list[str]:
    """What `ours` reaches and `other` does not: "io_uring/zcrx.c: 12-14 20"."""
    found = []
    for name, one in sorted(ours.items()):
        there = other.get(name, Covered()).lines
        lines = [line for line, count in one.lines.items() if count and not there.get(line)]
        if lines:
            found.append(f"{name}: {_ranges(sorted(lines), sorted(one.lines))}")
    return found


def never_called(files: Mapping[str, Covered]) -> list[str]:
    return [
        f"{name}: {' '.join(idle)}"
        for name, one in sorted(files.items())
        if (idle := sorted(function for function, count in one.functions.items() if not count))
    ]


def _share(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    reached = sum(1 for count in counts.values() if count)
    return f"{100 * reached / len(counts):5.1f} %" if counts else "      -"


def _ranges(lines: Sequence[int], code: Sequence[int]) -> str:
    """`lines` in short. Between two of a range there is no other line of `code`."""
    position = {line: number for number, line in enumerate(code)}
    spans: list[list[int]] = []
    for line in lines:
        if spans and position[line] == position[spans[-1][1]] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return " ".join(f"{first}-{last}" if first != last else f"{first}" for first, last in spans)


def _lcov(*words: str | Path) -> None:
    capture(["lcov", "--quiet", *_BRANCHES, *words], Deadline(_LCOV_S))
