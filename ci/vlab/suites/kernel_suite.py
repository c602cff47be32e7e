"""The kernel's own test of zcrx (selftests/drivers/net/hw/iou-zcrx.py), unmodified.

It comes from Debian's linux-source at run time, with Debian's Python beside it: nothing of either
is in this repository or in the guests' image.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture
from vlab.debian.apt import LAB_RELEASE, Apt, host_release
from vlab.kernels import source
from vlab.machines.guests import NET_CONFIG_PATH

SERIES = "7.3"
_SELFTESTS = "tools/testing/selftests"
_HW = f"{_SELFTESTS}/drivers/net/hw"
# What runs any selftest.
RUNNER = tuple(
    f"{_SELFTESTS}/{name}"
    for name in (
        "run_kselftest.sh", "kselftest/runner.sh", "kselftest/ktap_helpers.sh", "kselftest/prefix.pl",
    )
)  # fmt: skip
# The test, the libraries of the selftests and of YNL, and what its C part is compiled with.
_PARTS = (
    *RUNNER,
    f"{_HW}/iou-zcrx.py", f"{_HW}/iou-zcrx.c", f"{_HW}/lib",
    f"{_SELFTESTS}/drivers/net/lib", f"{_SELFTESTS}/net/lib/py",
    "tools/net/ynl/pyynl", "Documentation/netlink/specs",
    "include/uapi/linux/io_uring.h", "include/uapi/linux/io_uring",
)  # fmt: skip
_PYTHON = ("python3", "python3-yaml")
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
_NEEDLESS = ("usr/share", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/perl-base")
_SHIM = Path(__file__).resolve().parent / "liburing_zcrx.h"
_LOCAL_S = 120.0
ARCHIVE = "kernel-suite.tar"
# In the guest's memory: the suite expects a local disk, which a virtiofs share is not.
_AT = "/tmp/kernel-suite"
INSTALL = ["sh", "-c", f"mkdir {_AT} && tar -xf /share/{ARCHIVE} -C {_AT}"]
COMMAND = ["sh", f"{_AT}/run"]


def folder() -> Path:
    """For the guests' /share, from which INSTALL takes it and COMMAND runs it. Made once."""
    key = hashlib.sha256(Path(__file__).read_bytes() + _SHIM.read_bytes()).hexdigest()[:12]
    target = cache.folder() / "kernel-suite" / f"{SERIES}-{key}"
    with cache.once(target) as partial:
        if partial is not None:
            whole = partial / "whole"
            (whole / "linux").mkdir(parents=True)
            source.extract(SERIES, whole / "linux", _PARTS)
            with progress.phase("preparing the kernel's own suite"):
                _compile(whole / "linux")
                _add_python(whole)
                # One file: a share is slow with many.
                capture(
                    ["tar", "--create", "--file", partial / ARCHIVE, "--directory", whole, "."],
                    Deadline(_LOCAL_S),
                )
                shutil.rmtree(whole)
    return target


def _compile(linux: Path) -> None:
    """As its Makefile does it, which does not optimise; static, so that it runs in any guest."""
    headers = linux / "headers/linux"  # these alone: all others are the system's own
    headers.mkdir(parents=True)
    for name in ("io_uring.h", "io_uring"):
        (linux / "include/uapi/linux" / name).rename(headers / name)
    program = linux / _HW / "iou-zcrx.c"
    options = ["-D_GNU_SOURCE=", f"-I{headers.parent}", "-include", "linux/io_uring.h"]
    options += ["-include", str(_SHIM), "-static", "-o", str(program.with_suffix(""))]
    capture(["cc", *options, program, "-luring"], Deadline(_LOCAL_S))


def _add_python(whole: Path) -> None:
    """Its modules and the suite's compiled in advance, as on a machine on which they ran before."""
    tree = whole / "python"
    tree.mkdir()
    release = host_release() or LAB_RELEASE
    Apt(cache.folder(), release, backports=False).unpack(_PYTHON, tree, closure=True)
    for needless in _NEEDLESS:
        shutil.rmtree(tree / needless, ignore_errors=True)
    python = _python(tree)
    capture(
        [*python, "-m", "compileall", "-q", whole],
        Deadline(_LOCAL_S), env={"PYTHONHOME": str(tree / "usr")},
    )  # fmt: skip
    script = f"""\
set -a
. {NET_CONFIG_PATH}
PYTHONHOME={_AT}/python/usr
cd {_AT}/linux/{_HW}
exec {" ".join(python).replace(str(whole), _AT)} iou-zcrx.py
"""
    (whole / "run").write_text(script, encoding="utf-8")


def _python(tree: Path) -> list[str]:
    """Started by the tree's own loader: the C library of a guest is the host's."""
    libraries = [tree / one for one in _LIBRARIES]
    loaders = [path for one in libraries for path in one.glob("ld-linux-x86-64.so.2")]
    programs = [path for path in tree.glob("usr/bin/python3.*") if not path.is_symlink()]
    if not loaders or len(programs) != 1:
        raise LabError(f"no working Python in {tree}")
    return [str(loaders[0]), "--library-path", ":".join(map(str, libraries)), str(programs[0])]
