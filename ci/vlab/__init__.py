"""The virtual lab: two QEMU guests, DUT and peer, on stock Debian kernels.

`ci/lab` is its command line. To the suite the lab is a NIC, a peer and an SSH login; nothing in
here is known to it.

Floors, each of which uses those below it: commands; faults; suites; machines, results; debian; base.
"""
