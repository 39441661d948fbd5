# SPDX-License-Identifier: GPL-3.0-or-later
"""What linux/xfrm.h and `ip xfrm` name, asked for one by one: how the kernel takes it."""

from errno import errorcode

from modprobe_ipsec.base.annotations import Any, Callable, Mapping
from modprobe_ipsec.catalog.loader import XFRM_NAMES, parse_all
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.catalog.xfrm_names import XfrmName, read_xfrm_names
from modprobe_ipsec.host.shipped import read_data
from modprobe_ipsec.kernel.sa import TUNNEL
from modprobe_ipsec.lab.states import IPTFS, SA_IN, SA_OUT, Association, encapsulated
from modprobe_ipsec.lab.workbench import Workbench

SHOWN, FORGOTTEN = "taken, shown again", "taken, not shown"
# Looks at what becomes of a packet where something was changed.
Experiment = Callable[[Workbench, Family, Callable[[Any], Any]], str]


def names(table: str) -> tuple[XfrmName, ...]:
    """Those of one table of data/xfrm.yaml. Raises ConfigError."""
    try:
        from modprobe_ipsec._xfrm import TREE
    except ImportError:
        return read_xfrm_names(parse_all(read_data((XFRM_NAMES,)))[XFRM_NAMES])[table]
    return read_xfrm_names(TREE)[table]


def refusal(do: Callable[..., object], *arguments: object) -> str:
    """`refused: EINVAL, Unsupported mode`; empty if the kernel does it."""
    try:
        do(*arguments)
    except OSError as error:
        code = errorcode.get(error.errno or 0, str(error.errno))
        return f"refused: {code}, {error.strerror}" if error.strerror else f"refused: {code}"
    return ""


def with_effect(
    bench: Workbench,
    family: Family,
    name: XfrmName,
    taken: str,
    change: Callable[[Any], Any],
    experiments: Mapping[str, Experiment],
) -> str:
    """How it was taken, and whether a packet fares otherwise with it than without."""
    if name.unasked:
        return f"not asked, as {name.unasked}"
    if taken.startswith("refused"):
        return taken
    experiment = experiments.get(name.name)
    if not experiment:
        return f"{taken}; no packet, as {name.unseen}"
    try:
        before = experiment(bench, family, lambda what: what)
        after = experiment(bench, family, change)
    except OSError as error:
        return f"{taken}; {errorcode.get(error.errno or 0, str(error.errno))} where it matters"
    if before == after:
        return f"{taken}, without effect: {after}"
    return f"{taken}, effective: {after}, without it {before}"


def as_it_takes(sa: Association, name: XfrmName) -> Association:
    """The SA that an attribute needs beside it."""
    for word in name.beside:
        if word == "in_udp":
            sa = encapsulated(sa)
        elif word == "tunnel":
            sa = sa._replace(mode=TUNNEL)
        elif word == "iptfs":
            sa = sa._replace(mode=IPTFS)
        elif word in ("in", "out") and name.name != "SA_DIR":
            sa = sa.plus("SA_DIR", bytes((SA_OUT if word == "out" else SA_IN,)))
        if word in ("out", "no_window"):
            sa = sa._replace(window=0)
    return sa
