# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of modules, looked at as the kernel's loader does before it runs anything of one.

Sources: kernel/module/main.c elf_validity_check, check_modinfo; kernel/module/signing.c;
kmod 30 libkmod/libkmod-file.c, which knows gzip, xz and zstd by their first bytes; RFC 8878.
"""

from modprobe_ipsec.base.annotations import Iterator, Mapping
from modprobe_ipsec.host.facts import ModuleFile, ModuleIndex, Unreadable
from modprobe_ipsec.host.root import Host

# amdgpu.ko has 30 MiB; nothing that IPsec wants has one.
_LIMIT = 8 << 20
# xz -9 has a dictionary of 64 MiB, and something beside it.
_XZ_MEMORY = 96 << 20
_ELF = b"\x7fELF"
_XZ, _GZIP, _ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# include/linux/module_signature.h; its last bytes are those of the file.
_SIGNED = b"~Module signature appended~\n"
_VERMAGIC = b"\0vermagic="
# A release of at most 64 characters, options of the build, and perhaps a hash (RANDSTRUCT).
_MAX_VERMAGIC = 256
_GONE = "no such file"
# Of zstd, with 128 KiB each as every encoder makes them: far more than `_LIMIT`.
_MAX_BLOCKS = 4096
# Bytes of all modules together, unpacked; those that IPsec wants have some 5 MiB.
_TOTAL = 64 << 20
# A frame of zstd with nothing in it.
_ZSTD_EMPTY = _ZSTD + b"\x20\0\1\0\0"
# Something for each way in which a file can be of no use.
_BROKEN = (b"", _ELF, _XZ + bytes(12), _GZIP + bytes(12), _ZSTD + b"\x20\0\7\0\0", b"?")


class ModuleFiles(Mapping[str, ModuleFile]):
    """Looks at the file of a module when it is asked for, once."""

    __slots__ = ("_host", "_index", "_left", "_seen")

    def __init__(self, host: Host, index: ModuleIndex) -> None:
        self._host, self._index = host, index
        self._seen: dict[str, ModuleFile] = {}
        self._left = _TOTAL

    def __getitem__(self, name: str) -> ModuleFile:
        if name not in self._seen:
            path = self._index.files[name].path
            # depmod -b with a configuration may write paths from the root
            path = path[1:] if path.startswith("/") else f"{self._host.module_directory}/{path}"
            answer = self._host.read(path, _LIMIT)
            if isinstance(answer, Unreadable):
                why = answer.why if answer.missing else ""
                self._seen[name] = ModuleFile(f"/{path}", why)
            elif self._left < 0:
                # as with a compression that nobody knows here, nothing of it can be seen
                self._seen[name] = ModuleFile(f"/{path}")
            else:
                unpacked = _unpack(answer)
                # what is too large was unpacked up to the limit; of zstd nothing is
                seen = len(unpacked) if isinstance(unpacked, bytes) else len(answer)
                too_large = unpacked is None and not answer.startswith(_ZSTD)
                self._left -= _LIMIT if too_large else seen
                self._seen[name] = _look(f"/{path}", answer, unpacked)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.files)

    def __len__(self) -> int:
        return len(self._index.files)


def look(path: str, data: bytes) -> ModuleFile:
    """What can be said about a module's file."""
    return _look(path, data, _unpack(data))


def _look(path: str, data: bytes, unpacked: bytes | str | None) -> ModuleFile:
    if not data:
        return ModuleFile(path, "truncated: it is empty")
    if isinstance(unpacked, str):
        return ModuleFile(path, unpacked)
    if unpacked is None:
        return ModuleFile(path)
    if not unpacked.startswith(_ELF):
        known = unpacked is data
        return ModuleFile(path, "of an unknown compression, or no module" if known else "no module")
    if _cut_off(unpacked):
        return ModuleFile(path, "truncated")
    start = unpacked.find(_VERMAGIC)
    vermagic = b""
    if start >= 0:
        start += len(_VERMAGIC)
        vermagic = unpacked[start : unpacked.find(b"\0", start)]
    return ModuleFile(
        path,
        vermagic=_words(vermagic),
        signed=unpacked.endswith(_SIGNED),
    )


def stand_in(body: ModuleFile, says: bytes = b"") -> bytes | None:
    """A small file that `look` says the same about, without the module's code; None for none.

    `says` are more entries of its section .modinfo, each after a NUL.
    """
    if body.broken == _GONE:
        return None
    if body.broken:
        return next((d for d in _BROKEN if look(body.path, d).broken == body.broken), b"?")
    if body.signed is None:
        return _ZSTD_EMPTY
    # e_ident of a 64-bit file, and no sections
    head = _ELF + b"\2\1\1" + bytes(57)
    tail = _SIGNED if body.signed else b""
    # again, whoever made the value: it goes into a file that libkmod may be led to read
    vermagic = _words(body.vermagic.encode("ascii", "replace")).encode("ascii", "replace")
    return head + _VERMAGIC + vermagic + says + b"\0" + tail


def _words(text: bytes) -> str:
    """A few printable words in one line: what a file's author may have us quote."""
    words = text[:_MAX_VERMAGIC].decode("ascii", "replace").strip()
    return "".join(char if char.isprintable() else "?" for char in words)


def _unpack(data: bytes) -> bytes | str | None:
    """The module itself, or why there is none; None if only a run of libkmod would tell."""
    if data.startswith(_ZSTD):
        return _zstd(data)
    if data.startswith(_XZ):
        return _xz(data)
    if data.startswith(_GZIP):
        import zlib

        stream = zlib.decompressobj(31)
        try:
            unpacked = stream.decompress(data, _LIMIT)
        except zlib.error:
            return "damaged: not gzip data"
        if stream.eof:
            return unpacked
        return None if stream.unconsumed_tail else "truncated"
    return data


def _xz(data: bytes) -> bytes | str | None:
    try:
        import lzma
    except ImportError:
        return None
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    try:
        unpacked = decoder.decompress(data, _LIMIT)
    except lzma.LZMAError as error:
        # no type of its own tells this apart; the kernel's limit may be another one
        return None if "limit" in str(error) else "damaged: not xz data"
    if decoder.eof:
        return unpacked
    return "truncated" if decoder.needs_input else None


def _zstd(data: bytes) -> str | None:
    """Why no decoder would get to the end of it, if so; Python has none before 3.14.

    Goes from block to block (RFC 8878, 3.1.1) and does not look into them.
    """
    at, blocks = 0, _MAX_BLOCKS
    try:
        while at < len(data):
            if data[at : at + 4] != _ZSTD:
                # something behind the first frame, which some decoders skip
                return None
            flags = data[at + 4]
            single = flags >> 5 & 1
            # 3.1.1.1: window, dictionary and content size, as long as the flags say
            at += 5 + 1 - single + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
            last = False
            while not last:
                # 3.1.1.2: Last_Block, Block_Type (raw, RLE, compressed, reserved), Block_Size
                block = data[at] | data[at + 1] << 8 | data[at + 2] << 16
                last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
                blocks -= 1
                if not blocks:
                    return None
                if kind == 3 or size > 128 << 10:
                    return "damaged: not zstd data"
                at += 3 + (1 if kind == 1 else size)
            # Content_Checksum
            at += 4 * (flags >> 2 & 1)
    except IndexError:
        return "truncated"
    return "truncated" if at > len(data) else None


def _cut_off(elf: bytes) -> bool:
    """Whether the table of sections, which the linker puts last, is not all there."""
    if len(elf) < 64 or elf[4] not in (1, 2) or elf[5] not in (1, 2):
        return True
    order = "little" if elf[5] == 1 else "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(elf[start : start + size], order)  # type: ignore[arg-type]

    # Elf32_Ehdr and Elf64_Ehdr: e_shoff, e_shentsize, e_shnum
    at, size, count = (32, 46, 48) if elf[4] == 1 else (40, 58, 60)
    table = number(at, 4 if elf[4] == 1 else 8)
    return len(elf) < table + number(size, 2) * number(count, 2)
