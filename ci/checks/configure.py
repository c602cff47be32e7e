"""cmake --preset NAME, and where unit.ssh_* find an sshd: python3 -m checks.configure NAME

It is that of the lab's guests, unpacked: installing the package would start a service.
"""

from __future__ import annotations

import os
import sys

from vlab.base import cache
from vlab.base.errors import EXIT_LAB, LabError
from vlab.machines import image


def main(preset: str) -> int:
    try:
        with cache.held():
            sshd = image.program(image.userland(), "sshd")
    except LabError as error:
        print(f"ci/check: {error}", file=sys.stderr)
        return EXIT_LAB
    os.execvp("cmake", ["cmake", "--preset", preset, f"-DZCRX_SSHD={sshd}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
