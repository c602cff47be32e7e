"""The lab: guests and their image, QEMU, the NIC process, SSH. Knows no suite."""
