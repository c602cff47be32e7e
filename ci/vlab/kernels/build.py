"""The smallest kernel that the lab needs, built from a tree: all drivers built in, nothing else.

Its configuration is conf/kernel/*.config over everything off, with conf/kernel/with/NAME.config for
each option. It is built in a folder of its own (`make O=`): the tree is only read.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.locks import locked
from vlab.base.paths import REPOSITORY
from vlab.base.process import capture, end, spawn
from vlab.kernels import config, profiled, source

_FRAGMENTS = REPOSITORY / "conf/kernel"
_FOR_SUITE = _FRAGMENTS / "suite.config"  # a kernel too old for some of it is worth a run all the same
_MAKE_S = 3 * 3600.0  # 1400 objects take 8 minutes on two idle cores, 15 beside two labs
_CONFIGURE_S = 300.0
_INSTALL_S = 600.0
COVERAGE = "coverage"  # the option that gcov needs
_LOG, _LOCK = "make.log", ".lock"
_TAIL_BYTES = 2000
# Left by a build in the tree itself, beside which make makes none elsewhere.
_BUILT_IN_PLACE = (".config", "include/config", "arch/x86/include/generated")
# What compilers say where the source is not to blame.
_OF_THE_MACHINE = ("No space left on device", "Killed signal", "Cannot allocate memory")
# Nothing of the user's own builds (LLVM=1, KCFLAGS, ARCH ...).
_VARIABLES = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_", "CCACHE_", "LANG", "LC_")


class BuildError(LabError):
    """The source does not compile, or not with what is wanted."""


def options() -> dict[str, str]:
    """What kernels can be built with, and what each finds."""
    return {
        name: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for name, file in config.options().items()
    }


def made(kernel: str | Path, chosen: Sequence[str]) -> str | Path:
    """`kernel` as --kernel takes it: with options, the folder in which it has been built anew from
    its source, a series of Debian's or a tree."""
    return build(kernel, chosen) if chosen else kernel


def build(kernel: str | Path, chosen: Sequence[str], out: Path | None = None) -> Path:
    """Brings the kernel in `out` up to date, by default in a folder of the cache; returns it."""
    with configured(kernel, chosen, out) as made:
        made.make()
    return made.out


@dataclass(frozen=True)
class Build:
    """A folder that is held for one kernel. `lock`: a descriptor, for what shall hold it too."""

    tree: Path
    chosen: Sequence[str]
    out: Path
    lock: int

    def make(self, what: str = "") -> None:
        """`what`: what is special about it, for a person."""
        what = what or " ".join(self.chosen) or "nothing else"
        with progress.phase(f"building {self.tree.name} with {what}"):
            _make(self.tree, self.out, self.chosen, self.lock)


@contextmanager
def configured(
    kernel: str | Path, chosen: Sequence[str], out: Path | None = None, *, purpose: str = ""
) -> Iterator[Build]:
    """Ready to be made. `purpose`: of a folder of the cache that is for nothing else."""
    if isinstance(kernel, Path):
        _check(kernel)
    _install_tools()
    tree = tree_of(kernel)
    out = out or _home(tree, [*chosen, *[purpose] * bool(purpose)])
    _check_out(out, tree)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / _LOCK, f"another build is in {out}; waiting for it") as lock:
        _configure(tree, chosen, out)
        yield Build(tree, chosen, out, lock)


def tree_of(kernel: str | Path) -> Path:
    """Its source."""
    return kernel if isinstance(kernel, Path) else source.of_series(kernel)


def _install_tools() -> None:
    capture([REPOSITORY / "ci/install-packages", "--kernel"], Deadline(_INSTALL_S))


def _check(tree: Path) -> None:
    if not (tree / "Kbuild").exists():
        raise UsageError(f"{tree} is not a kernel's source tree")
    if any((tree / left).exists() for left in _BUILT_IN_PLACE):
        raise UsageError(
            f"{tree} is built in place, and make builds nowhere else beside that; take that build as "
            "it is (--kernel), or run `make mrproper` there, which removes its .config too"
        )


def _check_out(out: Path, tree: Path) -> None:
    if out.is_relative_to(tree):
        raise UsageError(f"{out} is in the source tree, which is only read; choose another folder")
    if out.is_dir() and any(out.iterdir()) and not (out / _LOCK).exists():
        raise UsageError(f"{out} holds other things than a build; choose another folder")
    for path in (tree, out):
        if any(character.isspace() or character == ":" for character in str(path)):
            raise UsageError(f"'{path}' holds a space or a colon, with which make cannot build")


def _home(tree: Path, chosen: Sequence[str]) -> Path:
    key = hashlib.sha256(f"{tree}\0{' '.join(chosen)}".encode()).hexdigest()[:12]
    return cache.folder() / "builds" / "-".join([tree.name, *chosen, key])


def _configure(tree: Path, chosen: Sequence[str], out: Path) -> None:
    """Leaves a .config alone that is as it has to be: make would look at everything anew."""
    files = [*sorted(_FRAGMENTS.glob("*.config")), *(config.options()[name] for name in chosen)]
    wanted: dict[str, str] = {}
    for file in files:
        wanted |= config.read(file)
    wanted = {name: "y" if value == "m" else value for name, value in wanted.items()}
    fragment, new = out / "wanted.config", out / ".config.new"
    text = "".join(f"{name}={value}\n" for name, value in wanted.items())
    fragment.write_text(text, encoding="utf-8")
    target = ["allnoconfig", f"KCONFIG_ALLCONFIG={fragment}", f"KCONFIG_CONFIG={new}"]
    try:
        capture(
            [*_command(tree, out, chosen), *target], Deadline(_CONFIGURE_S), env=_environment()
        )
    except LabError as error:
        raise BuildError(f"{tree} cannot be configured: {error}") from error
    lacks = config.lacks(config.read(new), wanted)
    spared = config.read(_FOR_SUITE)
    if needed := [one for one in lacks if one.partition("=")[0] not in spared]:
        raise BuildError(
            f"{tree} cannot be built with {' '.join(chosen) or 'what the lab needs'}: "
            f"it does not take {', '.join(needed)}"
        )
    old = out / ".config"
    if old.exists() and old.read_bytes() == new.read_bytes():
        new.unlink()
    else:
        new.replace(old)


def _make(tree: Path, out: Path, chosen: Sequence[str], lock: int) -> None:
    log = out / _LOG
    deadline = Deadline(_MAKE_S)
    with open(log, "wb") as said:
        process = spawn(
            [*_command(tree, out, chosen), f"--jobs={len(os.sched_getaffinity(0))}", "vmlinux"],
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=_environment(),
            start_new_session=True, pass_fds=[lock],
            last=signal.SIGTERM,  # which make hands on to its own makes and compilers
        )  # fmt: skip
    try:
        status = process.wait(deadline.remaining())
    except subprocess.TimeoutExpired:
        raise LabError(f"make took more than {deadline.seconds:g} s in {out}") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # its own makes and compilers too
        end(process, Deadline(1))
    if status != 0:
        tail = _tail(log)
        machines = any(words in tail for words in _OF_THE_MACHINE)
        raise (LabError if machines else BuildError)(
            f"{tree} could not be built: {log} ends with\n{tail}"
        )


def _command(tree: Path, out: Path, chosen: Sequence[str]) -> list[str]:
    # The same source makes the same objects, whenever and wherever: so ccache finds them again.
    return [
        "make", "--silent", f"--directory={tree}", f"O={out}", "CC=ccache gcc",
        f"LOCALVERSION={''.join(f'+{name}' for name in chosen)}", "KBUILD_BUILD_TIMESTAMP=@0",
        *(profiled.make_variables(tree) if COVERAGE in chosen else []),
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}


def _tail(log: Path) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace").strip()
