"""What the faults of all NICs together say: python3 -m checks.together FOLDER..., each with what
`ci/lab faults --nics NIC` left. A test that none of them makes fail proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vlab.faults import detection

_JSON = "faults.json"


def main(folders: Sequence[str]) -> int:
    found = []
    for folder in folders:
        file = Path(folder) / _JSON
        try:
            found.append(detection.load(file.read_text(encoding="utf-8")))
        except OSError as error:
            print(f"ci/check: {file}: {error.strerror}")
            return 1
    for one in found:
        print(one.summary())
    if idle := detection.idle_tests(found):
        print(f"No fault makes these fail: {', '.join(idle)}")
    return 1 if idle else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
