"""What can go wrong, and the exit status that says so."""

# Statuses 0 to 4 of `run` are the suite's own (see `zcrx_tests --help`), so the lab's start above.
EXIT_USAGE = 2
EXIT_LAB = 5


class LabError(Exception):
    """The lab could not be brought up or broke down; the text is one sentence for the user."""


class GuestFailed(LabError):
    """A guest did not boot, or ended: its kernel's doing, as far as one can tell."""


class TimedOut(LabError):
    """What ran in a guest did not end in time."""


class UsageError(Exception):
    """An invalid command line; the text says what would be valid."""
