# SPDX-License-Identifier: GPL-3.0-or-later
"""The symbols of a module's file, without binutils."""

import lzma
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SYMTAB = 2


class Symbol(NamedTuple):
    """A name and where it is: number of the section, place in it."""

    name: str
    section: int
    value: int


def symbols(module: Path) -> Iterator[Symbol]:
    """All symbols of a 64-bit little-endian module, perhaps compressed with xz."""
    data = module.read_bytes()
    if module.suffix == ".xz":
        data = lzma.decompress(data)
    # Elf64_Ehdr: e_shoff, e_shentsize, e_shnum; Elf64_Shdr; Elf64_Sym
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    for _, kind, _, _, start, length, link, _, _, each in sections:
        if kind != _SYMTAB:
            continue
        names = sections[link][4]
        for at in range(start, start + length, each):
            name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            end = data.index(b"\0", names + name)
            yield Symbol(data[names + name : end].decode(), section, value)


def initial(module: Path) -> set[str]:
    """The functions that `init_module` is another name of."""
    known = list(symbols(module))
    (start,) = (symbol for symbol in known if symbol.name == "init_module")
    return {symbol.name for symbol in known if symbol[1:] == start[1:]} - {"init_module"}
