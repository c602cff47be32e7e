"""What runs on the DUT: the project's suite, or the kernel's own."""
