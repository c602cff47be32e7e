"""Writing the kernel's initramfs format: "newc" cpio.

Source of the format: Documentation/driver-api/early-userspace/buffer-format.rst. Archives may
follow one another in one file, and a later entry replaces an earlier one of the same name.
"""

from __future__ import annotations

import stat

_TRAILER = "TRAILER!!!"


class Archive:
    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._add(path, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def folder(self, path: str, mode: int = 0o755) -> None:
        self._add(path, stat.S_IFDIR | mode, b"")

    def character_device(self, path: str, major: int, minor: int) -> None:
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def finish(self) -> bytes:
        return b"".join([*self._parts, _entry(0, _TRAILER, 0, b"", (0, 0))])

    def _add(self, path: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        name = path.strip("/")
        if name in self._names:
            return
        parent = name.rpartition("/")[0]
        if parent and parent not in self._names:  # the kernel makes no parents by itself
            self.folder(parent)
        self._names.add(name)
        # An inode number of its own for each: equal ones would make hard links of files.
        self._parts.append(_entry(len(self._names), name, mode, content, device))


def _entry(inode: int, name: str, mode: int, content: bytes, device: tuple[int, int]) -> bytes:
    encoded = name.encode() + b"\0"
    owner, links, time, checksum = 0, 1, 0, 0
    fields = (inode, mode, owner, owner, links, time, len(content), 0, 0, *device,
              len(encoded), checksum)  # fmt: skip
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + encoded) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
