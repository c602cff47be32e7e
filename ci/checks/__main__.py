"""`python3 -m checks`, as ci/check runs it."""

import sys

from checks.cli import main

sys.exit(main(sys.argv[1:]))
