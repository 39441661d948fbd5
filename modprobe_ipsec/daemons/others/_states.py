# SPDX-License-Identifier: GPL-3.0-or-later
"""SAs that somebody sets up by hand, with the kernel's names: what each comes to.

source: net/xfrm/xfrm_algo.c
"""

from modprobe_ipsec.base.annotations import Iterable
from modprobe_ipsec.catalog.model import Catalog, Family, Transform, XfrmTable
from modprobe_ipsec.needs.need import Choice

# Older names, which the kernel takes as well: aes is cbc(aes), sha256 hmac(sha256).
_COMPAT = ("{}", "cbc({})", "hmac({})", "ecb({})")


class Unknown(Exception):
    """An algorithm that is not in the map; the text says which kind it is, and never a key."""


def key_bits(text: str) -> int | None:
    """The length of a key as `ip` takes it: hexadecimal digits, or characters; None if the text
    does not tell it, as a variable of a script does."""
    if "$" in text or "`" in text:
        return None
    if text[:2] in ("0x", "0X"):
        return len(text[2:]) * 4
    return len(text) * 8


def aead(catalog: Catalog, name: str, bits: int | None, icv: int) -> Choice:
    """An AEAD; `bits` with the salt. Raises Unknown."""
    return _choice(catalog, XfrmTable.AEAD, name, bits, icv)


def cipher(catalog: Catalog, name: str, bits: int | None) -> Choice:
    """A cipher; `bits` with the salt. Raises Unknown."""
    return _choice(catalog, XfrmTable.CIPHER, name, bits, None)


def auth(catalog: Catalog, name: str, icv: int | None = None) -> Choice:
    """An integrity algorithm; without a length of the ICV the kernel's own, the shortest, which
    hmac(sha256) has as 96 bits. Raises Unknown.

    The kernel takes a key of any length here, and the length changes nothing of what it loads.
    """
    found = list(_named(catalog, XfrmTable.AUTH, name))
    if icv is None and found:
        icv = min(transform.icv_bits for transform in found)
    return _choice(catalog, XfrmTable.AUTH, name, None, icv)


def compression(catalog: Catalog, name: str) -> Choice:
    """Of IPComp. Raises Unknown."""
    return _choice(catalog, XfrmTable.COMP, name, None, None)


def _named(catalog: Catalog, kind: XfrmTable, name: str) -> Iterable[Transform]:
    full = {form.format(name) for form in _COMPAT}
    return (t for t in catalog.transforms.values() if t.kind is kind and t.xfrm in full)


def _choice(
    catalog: Catalog, kind: XfrmTable, name: str, bits: int | None, icv: int | None
) -> Choice:
    found = list(_named(catalog, kind, name))
    if not found:
        raise Unknown(f"an algorithm that is not known here (table {kind} of xfrm_algo.c)")
    fits = [t for t in found if icv in (None, t.icv_bits)]
    if not fits:
        raise Unknown(f"`{found[0].xfrm}` with an ICV of a length that is not known here")
    transform = fits[0]
    if bits is None:
        # which length it is, changes nothing of what is loaded
        return Choice(transform, transform.key_bits[-1])
    length = bits - transform.salt_bits if transform.key_bits != (0,) else 0
    if length not in transform.key_bits:
        raise Unknown(f"`{transform.xfrm}` with a key of {bits} bits, which the kernel refuses")
    return Choice(transform, length)


def families(address: str, known: Iterable[Family]) -> tuple[Family, ...]:
    """Of an address as it is written; both where it is a name or a variable."""
    if ":" in address:
        wanted: tuple[Family, ...] = (Family.IPV6,)
    elif address and not set(address) - set("0123456789./"):
        wanted = (Family.IPV4,)
    else:
        wanted = tuple(Family)
    return tuple(family for family in known if family in wanted)
