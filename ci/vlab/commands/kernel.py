"""`ci/lab kernel build`: the smallest kernel that the lab needs, for --kernel."""

from __future__ import annotations

import argparse
from pathlib import Path

from vlab.commands import arguments, booting
from vlab.kernels import build


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("action", choices=["build"], help="makes what --kernel takes, and prints where it is")
    add("--source", metavar="TREE", dest="kernel", type=arguments.kernel, default="7.3",
        help="a kernel tree, or a series of Debian's, whose source is fetched (%(default)s)")  # fmt: skip
    booting.add_with(parser)
    add("--out", metavar="DIR", type=Path,
        help="receives the build; a later one there goes on from it (a folder of the cache)")  # fmt: skip


def act(options: argparse.Namespace) -> int:
    out = options.out.resolve() if options.out else None
    print(build.build(options.kernel, options.with_, out), flush=True)
    return 0
