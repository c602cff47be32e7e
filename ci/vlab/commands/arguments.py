"""The kinds of values that options of ci/lab take, for argparse."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from vlab.kernels import build

Kind = Callable[[str], Any]

_MOST_S = 1_000_000  # 11 days; poll(2) takes less than 2^31 ms


def kernel(text: str) -> str | Path:
    """A series of Debian's, or where a kernel of the user's own is."""
    if re.fullmatch(r"\d+\.\d+", text):
        return text
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:  # ~nobody
        raise argparse.ArgumentTypeError(f"'{text}': {error}") from error
    if not text or not path.exists():
        raise argparse.ArgumentTypeError(f"neither a kernel series such as 7.3 nor a file: '{text}'")
    return path.resolve()


def folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"not a directory: '{text}'")
    return path.resolve()


def seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"not a number of seconds: '{text}'")
    if float(text) > _MOST_S:
        raise argparse.ArgumentTypeError(f"more than {_MOST_S} seconds: '{text}'")
    return float(text)


def number(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise argparse.ArgumentTypeError(f"not a number from 1 to 9999: '{text}'")
    return int(text)


def one_of(known: Collection[str]) -> Kind:
    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"not one of {', '.join(sorted(known))}: '{text}'")
        return text

    return parse


def build_options(text: str) -> list[str]:
    """What a kernel is built with; "" is nothing."""
    chosen = sorted(set(text.split(","))) if text else []
    for name in chosen:
        if name not in build.options():
            known = ", ".join(build.options())
            raise argparse.ArgumentTypeError(f"not one of {known}: '{name}'")
    return chosen


def several(one: Kind) -> Kind:
    """A list with commas between, each item once."""

    def parse(text: str) -> list[object]:
        return list(dict.fromkeys(one(item) for item in text.split(",")))

    return parse
