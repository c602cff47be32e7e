"""Configurations of the kernel, whole ones and fragments (scripts/kconfig/merge_config.sh)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vlab.base.paths import REPOSITORY

_WITH = REPOSITORY / "conf/kernel/with"
_SET = re.compile(r"(CONFIG_\w+)=(.+)")


def options() -> dict[str, Path]:
    """The fragment of each option that a kernel can be built with."""
    return {file.stem: file for file in sorted(_WITH.glob("*.config"))}


def read(path: Path) -> dict[str, str]:
    """The options that are set, with their values."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = (_SET.fullmatch(line.strip()) for line in lines)
    return {match[1]: match[2] for match in found if match}


def lacks(has: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Of `wanted`, "CONFIG_A=y" for each that is not so. What may be a module may be built in."""
    return [
        f"{name}={value}"
        for name, value in wanted.items()
        if has.get(name) not in ({value, "y"} if value == "m" else {value})
    ]
