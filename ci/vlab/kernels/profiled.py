"""The parts of a kernel whose coverage is told: zcrx, what it stands on, and the NICs' drivers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_DRIVERS = "drivers/net/ethernet"
_CORE = ("io_uring/zcrx.c", "io_uring/query.c", "net/core/netdev_rx_queue.c", "net/core/page_pool*.c")
# Of each NIC, what handles its queues, rings, steering and packets.
_OF_NIC = {
    "gve": (f"{_DRIVERS}/google/gve/*.c",),
    "bnxt": (f"{_DRIVERS}/broadcom/bnxt/bnxt.c", f"{_DRIVERS}/broadcom/bnxt/bnxt_ethtool.c"),
    "mlx5": tuple(
        f"{_DRIVERS}/mellanox/mlx5/core/{part}.c"
        for part in (
            "en_main", "en_rx", "en_fs", "en_fs_ethtool", "en_ethtool", "en_arfs", "en_txrx",
            "en/params", "en/channels", "en/rx_res", "en/rqt", "en/rss",
        )
    ),
}  # fmt: skip


def files(tree: Path, nics: Iterable[str] = tuple(_OF_NIC)) -> list[Path]:
    """In `tree`, relative to it; what an older kernel does not have is left out."""
    patterns = [*_CORE, *(pattern for nic in nics for pattern in _OF_NIC.get(nic, ()))]
    return [path.relative_to(tree) for one in patterns for path in sorted(tree.glob(one))]


def make_variables(tree: Path) -> list[str]:
    """For make: scripts/Makefile.lib asks for one a file, by its path from the nearest Makefile. Of
    the same name elsewhere, a file is profiled too, and nobody looks at it."""
    names = (path.relative_to(_folder(tree, path)).with_suffix(".o") for path in files(tree))
    return sorted({f"GCOV_PROFILE_{name}=y" for name in names})


def _folder(tree: Path, path: Path) -> Path:
    return next(folder for folder in path.parents if (tree / folder / "Makefile").exists())
