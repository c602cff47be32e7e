"""The part of the suite that needs no NIC (ZCRX_REG_NODEV), and what a lab that has none is called."""

NO_NIC = "none"
PREFIX = "ZcrxNodev"  # of its test suites


def belongs(test: str, nic: str) -> bool:
    """Whether labs with `nic` run `test` where nobody selects tests: each in labs of one kind."""
    return test.startswith(PREFIX) == (nic == NO_NIC)
