"""Where things stand in the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUEST_FILES = Path(__file__).resolve().parent / "guest"
BUILD = REPOSITORY / "build"
RESULTS = REPOSITORY / "results"
KNOWN_FAULTS = REPOSITORY / "conf" / "known-faults.toml"
FAULTS = REPOSITORY / "conf" / "faults.toml"
