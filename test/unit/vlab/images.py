"""Files of the formats that kernels come in, for tests."""

import struct

_SETUP_SECTORS = 3
_BEFORE_PAYLOAD = 40  # a loader's code stands there
_RELEASE_AT = 0x300


def elf_with(name: str, content: bytes) -> bytes:
    """An ELF file of one section."""
    title = b"\0" + name.encode() + b"\0"
    names = title + b".shstrtab\0"
    header = 64
    sections = b"".join(
        struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, at, size, 0, 0, 0, 0)
        for name, at, size in (
            (0, 0, 0),
            (1, header, len(content)),
            (len(title), header + len(content), len(names)),
        )
    )
    at = header + len(content) + len(names)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 62, 1, 0, 0, at, 0, 64, 56, 0, 64, 3, 2)
    return head + content + names + sections


def bzimage_of(payload: bytes, release: str = "7.3.0") -> bytes:
    setup = bytearray((_SETUP_SECTORS + 1) * 512)
    setup[0x1F1] = _SETUP_SECTORS
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x20E, _RELEASE_AT - 0x200)
    text = f"{release} (who@where) #1 SMP\0".encode()
    setup[_RELEASE_AT : _RELEASE_AT + len(text)] = text
    struct.pack_into("<II", setup, 0x248, _BEFORE_PAYLOAD, len(payload))
    return bytes(setup) + bytes(_BEFORE_PAYLOAD) + payload + b"what follows"


def module_of(*depends: str, release: str = "") -> bytes:
    said = f"license=GPL\0depends={','.join(depends)}\0vermagic={release} SMP mod_unload \0"
    return elf_with(".modinfo", said.encode())
