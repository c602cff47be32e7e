"""The command line of ci/lab."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from vlab.base import cache
from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, EXIT_USAGE, LabError, UsageError
from vlab.base.paths import REPOSITORY
from vlab.base.process import capture
from vlab.commands import arguments, bisect_run, booting, clean, coverage, faults, kernel, kernel_selftest, matrix, mutations, repro, run
from vlab.machines.guests import CONFIG_PATHS, NICS
from vlab.machines.lab import Lab

_VERSION_S = 20

_EXIT_STATUSES = f"""\
Exit status: that of zcrx_tests or of COMMAND (zcrx_tests: 0 passed, 1 failed, 2 bad usage or
configuration, 3 nothing selected, 4 everything skipped); {EXIT_USAGE} also for an invalid command
line; {EXIT_LAB} for a lab that could not be brought up or broke down. Of several labs the worst:
1 before {EXIT_LAB}, and 4 only if all skipped everything. Of matrix: 1 if a test of any lab failed
or has no result, else 0. Of run and matrix, a failure that conf/known-faults.toml explains is none.
Of faults, coverage and kernel-selftest: 1 if something did not come out as it must, else 0.
Of mutations: 0 if all are caught, 1 if one survives.
Of repro: 0 if the fault still happens wherever it was tried, 1 if it does not, {EXIT_LAB} if it
could be tried nowhere. Ended by signal N: 128 + N.
"""
_BISECT_STATUSES = """\
Exit status, as git-bisect(1) wants it: 0 good, all passed; 1 bad, a test failed (also by a known
fault), the suite crashed or hung, or the kernel panicked under it; 125 it cannot be judged: not
built, not booted, or everything was skipped; 128 a mistake or a machine that does not work.
"""


def main(arguments: Sequence[str]) -> int:
    # To git-bisect(1) other statuses are verdicts.
    abort = bisect_run.ABORT if arguments[:1] == ["bisect-run"] else None
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        options = _parse(arguments)
        with cache.held(alone=options.command == "clean"):
            return COMMANDS[options.command].act(options)
    except UsageError as error:
        print(f"ci/lab: {error}", file=sys.stderr)
        return abort or EXIT_USAGE
    except (LabError, OSError) as error:
        print(f"ci/lab: {error}", file=sys.stderr)
        return abort or EXIT_LAB
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception:  # a mistake of ours; Python's 1 would be a test that failed
        traceback.print_exc()
        return abort or EXIT_LAB


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Ends everything that was started."""
    raise SystemExit(128 + number)


def _exec(options: argparse.Namespace) -> int:
    if not options.words:
        raise UsageError("exec needs a command: ci/lab exec [options] -- COMMAND...")
    with _booted(options) as running:
        return running.run(options.words, Deadline(options.limit))


def _shell(options: argparse.Namespace) -> int:
    with _booted(options) as running:
        return running.run([], None, terminal=sys.stdin.isatty())


def _booted(options: argparse.Namespace) -> AbstractContextManager[Lab]:
    other = {"peer_nic": options.peer_nic, "second": options.second_nic}
    return booting.booted(options, options.share, **other)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    _add_options(parser, nic=None)
    _add_limit(parser)


def _add_options(parser: argparse.ArgumentParser, *, nic: str | None = "gve") -> None:
    booting.add_options(parser, nic=nic)
    add = parser.add_argument
    add("--share", metavar="DIR", type=arguments.folder,
        help="a host folder, at /share in the guests")  # fmt: skip
    add("--peer-nic", choices=list(NICS), help="the peer's NIC (one like the DUT's)")


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit", metavar="SECONDS", type=arguments.seconds, default=900.0,
        help="time limit of the suite or command (%(default)s)",
    )  # fmt: skip


def _add_exec_options(parser: argparse.ArgumentParser) -> None:
    _add_shell_options(parser)
    _add_limit(parser)


def _add_shell_options(parser: argparse.ArgumentParser) -> None:
    _add_options(parser)
    parser.add_argument(
        "--second-nic", choices=list(NICS),
        help=f"another NIC in both guests, at a cable of its own: nic1, with {CONFIG_PATHS[1]}",
    )  # fmt: skip


@dataclass(frozen=True)
class Command:
    summary: str
    rest: str  # what may follow "--", for the usage line
    act: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None]
    statuses: str = _EXIT_STATUSES


COMMANDS = {
    "run": Command(
        "run the hardware suite in the lab (the default)", "[-- SUITE ARGUMENTS]", run.act,
        _add_run_options,
    ),
    "exec": Command("run any command on the DUT", "-- COMMAND...", _exec, _add_exec_options),
    "shell": Command("a shell on the DUT", "", _shell, _add_shell_options),
    "repro": Command(
        "run what a fault of conf/known-faults.toml takes, and say whether it still happens; without "
        "NAME list them", "[NAME]", repro.act, repro.add_options,
    ),
    "kernel": Command(
        "build the smallest kernel that the lab needs", "build", kernel.act, kernel.add_options
    ),
    "kernel-selftest": Command(
        "run the kernel's own zcrx test, and ours beside it", "", kernel_selftest.act,
        kernel_selftest.add_options,
    ),
    "faults": Command(
        "run the suite under each fault of the NICs, and show what it catches", "",
        faults.act, faults.add_options,
    ),
    "mutations": Command(
        "build kernels with one fault of conf/mutations.toml each, and show which test catches it",
        "[NAME...]", mutations.act, mutations.add_options,
    ),
    "matrix": Command(
        "run the suite on every kernel with every NIC, and without one", "", matrix.act,
        matrix.add_options,
    ),
    "bisect-run": Command(
        "build the kernel tree of this folder and run the suite on it, for `git bisect run`",
        "[-- SUITE ARGUMENTS]", bisect_run.act, bisect_run.add_options, _BISECT_STATUSES,
    ),
    "coverage": Command(
        "tell which lines of zcrx, page pool and drivers the suites reach", "", coverage.act,
        coverage.add_options,
    ),
    "clean": Command(
        "remove from the cache what newer kernels and packages have replaced", "",
        clean.act, clean.add_options,
    ),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What follows "--" is left alone: it belongs to the suite or is the command."""
    own, words = list(arguments), []
    if "--" in own:
        at = own.index("--")
        own, words = own[:at], own[at + 1 :]
    if not own or (own[0].startswith("-") and own[0] not in ("-h", "--help", "--version")):
        own.insert(0, "run")
    options = _parser().parse_args(own)
    if words and "--" not in COMMANDS[options.command].rest:
        raise UsageError(f"{options.command} takes no arguments after --")
    options.own, options.words = own, words
    return options


class _Version(argparse.Action):
    """Asks git, which no other command waits for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        version = capture([REPOSITORY / "ci/version"], Deadline(_VERSION_S)).strip()
        parser.exit(message=f"ci/lab {version}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="ci/lab",
        description="Two guests on a stock kernel, an emulated NIC in each, a cable between; or one "
        "guest without a NIC (--nic none).",
        epilog=_EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", nargs=0, action=_Version, help="the revision, and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            usage=f"ci/lab {name} [options] {command.rest}",
            epilog=command.statuses,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_options(one)
    return parser
