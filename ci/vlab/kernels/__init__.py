"""Kernels that guests boot: Debian's, or of the user's own."""
