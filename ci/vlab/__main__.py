"""`python3 -m vlab`, as ci/lab runs it."""

import sys

from vlab.commands.cli import main

sys.exit(main(sys.argv[1:]))
