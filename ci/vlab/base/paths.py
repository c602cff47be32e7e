"""Paths in the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
GUEST_FILES = REPOSITORY / "ci" / "vlab" / "machines" / "guest"
BUILD = REPOSITORY / "build"
RESULTS = REPOSITORY / "results"
KNOWN_FAULTS = REPOSITORY / "conf" / "known-faults.toml"
FAULTS = REPOSITORY / "conf" / "faults.toml"
MUTATIONS = REPOSITORY / "conf" / "mutations.toml"
