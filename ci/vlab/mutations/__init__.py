"""Kernels with one fault each, to show that each test can fail."""
