"""Debian's packages without root: kernels, QEMU, and what reads their formats."""
