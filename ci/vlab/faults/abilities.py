"""What the emulated NICs of a build can be given, in its own words: `vnic --describe`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.base.errors import LabError

_ANSWER_S = 10


@dataclass(frozen=True)
class Abilities:
    """Of one NIC. `restart`: those of the commands that restart a queue, first the one that the
    gate tries."""

    faults: Sequence[str]
    commands: Sequence[str]
    restart: Sequence[str]


def of_build(programs: Path) -> dict[str, Abilities]:
    """By the name of the model."""
    command = [str(programs / "vnic"), "--describe"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_ANSWER_S)
        return {nic: Abilities(**told) for nic, told in json.loads(done.stdout)["models"].items()}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{programs / 'vnic'} does not describe its NICs: {error}") from error
