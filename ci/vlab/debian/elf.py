"""As much of ELF (64-bit, little-endian) as a guest image needs; see elf(5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_DYNAMIC = struct.Struct("<qQ")
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5
_SECTION_FIELDS_AT = 0x28  # e_shoff
_SECTION_COUNTS_AT = 0x3A  # e_shentsize, e_shnum, e_shstrndx


@dataclass(frozen=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


class Elf:
    """Raises ValueError for any other file."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size or data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a 64-bit little-endian ELF file")
        self._data = data
        header = _HEADER.unpack_from(data)
        phoff, self._shoff = header[5], header[6]
        phentsize, phnum, self._shentsize, self._shnum, self._shstrndx = header[9:14]
        self._segments = []
        if phnum and phoff + phnum * phentsize > len(data):
            raise ValueError("the ELF file is cut off")
        for index in range(phnum):
            kind, _, offset, address, _, size, _, _ = _SEGMENT.unpack_from(
                data, phoff + index * phentsize
            )
            self._segments.append(_Segment(kind, offset, address, size))

    def interpreter(self) -> str | None:
        for segment in self._segments:
            if segment.kind == _PT_INTERP:
                return self._string(segment.offset)
        return None

    def needed(self) -> list[str]:
        """Sonames of the libraries that the dynamic loader has to find."""
        names, strings = [], 0
        for segment in self._segments:
            if segment.kind != _PT_DYNAMIC:
                continue
            for at in range(segment.offset, segment.offset + segment.size, _DYNAMIC.size):
                tag, value = _DYNAMIC.unpack_from(self._data, at)
                if tag == _DT_NULL:
                    break
                if tag == _DT_NEEDED:
                    names.append(value)
                elif tag == _DT_STRTAB:
                    strings = self._file_offset(value)
        return [self._string(strings + name) for name in names]

    def without_sections(self) -> bytes:
        """What the loader maps and no more: debug information stays on the host."""
        end = max((s.offset + s.size for s in self._segments if s.kind == _PT_LOAD), default=0)
        image = bytearray(self._data[:end])
        struct.pack_into("<Q", image, _SECTION_FIELDS_AT, 0)
        struct.pack_into("<HHH", image, _SECTION_COUNTS_AT, 0, 0, 0)
        return bytes(image)

    def section(self, wanted: str) -> bytes:
        """Contents of a section; empty where there is none of that name."""
        if self._shnum == 0:
            return b""
        if self._shentsize != _SECTION.size or self._shstrndx >= self._shnum:
            raise ValueError("the ELF file has no table of sections that can be read")
        if self._shoff + self._shnum * _SECTION.size > len(self._data):
            raise ValueError("the ELF file is cut off")
        headers = [
            _SECTION.unpack_from(self._data, self._shoff + index * self._shentsize)
            for index in range(self._shnum)
        ]
        names_at = headers[self._shstrndx][4]
        for name, _, _, _, offset, size, *_ in headers:
            if self._string(names_at + name) == wanted:
                return self._data[offset : offset + size]
        return b""

    def _file_offset(self, address: int) -> int:
        for segment in self._segments:
            if segment.kind == _PT_LOAD and 0 <= address - segment.address < segment.size:
                return address - segment.address + segment.offset
        raise ValueError(f"address {address:#x} is in no segment")

    def _string(self, at: int) -> str:
        return self._data[at : self._data.index(b"\0", at)].decode(errors="replace")
