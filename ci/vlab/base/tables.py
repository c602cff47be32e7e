"""A TOML file that is a list of tables, each of which is a value of one class and has a name."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from vlab.base.errors import LabError


def read(path: Path, table: str, kind: Any) -> list[tuple[str, dict[str, Any]]]:
    """The [[table]] entries of `path`, with all keys that the dataclass `kind` needs, and no other: a
    misspelt one would be a demand that nobody checks. Before each, where it is, for a person."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{path}: {error}") from error
    entries = content.pop(table, [])
    if content or not isinstance(entries, list):
        raise LabError(f"{path}: only [[{table}]] tables are allowed")
    found = [(f"{path}: {table} {number}", entry) for number, entry in enumerate(entries, start=1)]
    names: set[str] = set()
    for where, entry in found:
        _check_keys(where, entry, fields(kind))
        name = entry["name"]
        if not isinstance(name, str) or not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
            raise LabError(f"{where}: name is not of small letters and digits with - between")
        if name in names:
            raise LabError(f"{path}: two {table}s have the name {name}")
        names.add(name)
    return found


def _check_keys(where: str, entry: Any, known: tuple[Field[Any], ...]) -> None:
    if not isinstance(entry, dict):
        raise LabError(f"{where} is not a table")
    needed = {field.name for field in known if field.default is MISSING}
    if missing := needed - entry.keys():
        raise LabError(f"{where} lacks {', '.join(sorted(missing))}")
    if unknown := entry.keys() - {field.name for field in known}:
        raise LabError(f"{where} has an unknown key: {', '.join(sorted(unknown))}")
