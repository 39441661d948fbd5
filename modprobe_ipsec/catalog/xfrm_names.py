# SPDX-License-Identifier: GPL-3.0-or-later
"""data/xfrm.yaml -> typed, checked: what there is to ask a kernel's XFRM for, name by name."""

import struct

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.row import Row

_FILE = "xfrm"
_TABLES = (
    *("sa flags", "extra flags", "policy flags", "modes", "protocols", "levels"),
    *("sa attributes", "policy attributes"),
)
# What the kinds of fields are to `struct`: x is a byte of nothing.
_FIELDS = {"u8": "=B", "u16": "=H", "be16": ">H", "u32": "=I", "u64": "=Q"}
_WITH = ("in_udp", "tunnel", "iptfs", "in", "out", "no_window")


class XfrmName(Value):
    """One of them."""

    # As `ip xfrm` takes it, or linux/xfrm.h has it behind XFRMA_.
    name: str
    # The bit, or the number.
    value: int
    # The first kernel that knows it; empty if 5.10 does.
    since: str = ""
    # What an attribute carries.
    data: bytes = b""
    # What the SA has to be: in_udp, tunnel, iptfs, in, out, no_window.
    beside: tuple[str, ...] = ()
    # Why no packet is sent to see what it does.
    unseen: str = ""
    # Why the kernel is not asked for it.
    unasked: str = ""


def read_xfrm_names(tree: object) -> Mapping[str, tuple[XfrmName, ...]]:
    """All of them, by the table's name. Raises ConfigError that names file and line."""
    row = Row(tree, _FILE, 1)
    row.take("source", str)
    found = {
        table: tuple(_name(name, each) for name, each in row.sub(table).rows()) for table in _TABLES
    }
    row.done()
    return found


def _name(name: str, row: Row) -> XfrmName:
    beside = row.texts("with", [])
    for word in beside:
        if word not in _WITH:
            raise row.error(f"`{word}` is none of {', '.join(_WITH)}", "with")
    made = XfrmName(
        name=name,
        value=row.take("value", int),
        since=row.take("since", str, ""),
        data=_data(row, row.take("data", str, "")),
        beside=beside,
        unseen=row.take("unseen", str, ""),
        unasked=row.take("unasked", str, ""),
    )
    row.done()
    return made


def _data(row: Row, text: str) -> bytes:
    """`u16:2 be16:4500 zero:18` -> bytes."""
    data = b""
    for field in text.split():
        kind, _, value = field.partition(":")
        if not value.isdecimal() or (kind != "zero" and kind not in _FIELDS):
            raise row.error(f"`{field}` is no field such as u32:5", "data")
        try:
            number = int(value)
            data += bytes(number) if kind == "zero" else struct.pack(_FIELDS[kind], number)
        except struct.error:
            raise row.error(f"`{field}` does not fit", "data") from None
    return data
