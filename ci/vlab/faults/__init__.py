"""Faults for the emulated NICs, and what a suite makes of each."""
