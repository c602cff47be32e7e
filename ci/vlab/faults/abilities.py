"""What the emulated NICs of a build can be given, in its own words: `vnic --describe`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.base.process import capture

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
    vnic = programs / "vnic"
    try:
        told = json.loads(capture([vnic, "--describe"], Deadline(_ANSWER_S)))
        return {nic: Abilities(**one) for nic, one in told["models"].items()}
    except (LabError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{vnic} does not describe its NICs: {error}") from error
