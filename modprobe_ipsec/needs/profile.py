# SPDX-License-Identifier: GPL-3.0-or-later
"""What a published set of algorithms says against what is asked for. Pure.

Of ESP and AH alone: what IKE itself uses never passes the kernel.
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Profile, Protocol
from modprobe_ipsec.needs.need import AnyNeed, Need, Suite


class Objection(Value):
    """One algorithm that a profile is against, or has not got."""

    # 3DES, AES_CBC_256 without integrity
    what: str
    # With the place in the document.
    why: str
    needs: tuple[Need, ...]


def against(needs: Iterable[AnyNeed], profile: Profile) -> tuple[Objection, ...]:
    """Each algorithm once, in the order of its first need."""
    found: dict[tuple[str, str], list[Need]] = {}
    for need in needs:
        if isinstance(need, Need) and need.suite.protocol is not Protocol.COMP and _offered(need):
            for said in _said(need.suite, profile):
                found.setdefault(said, []).append(need)
    return tuple(Objection(what, why, tuple(of)) for (what, why), of in found.items())


def _offered(need: Need) -> bool:
    return not need.sources or any(source.offered for source in need.sources)


def _said(suite: Suite, profile: Profile) -> Iterator[tuple[str, str]]:
    """The algorithm, and what is said of it."""
    for choice in (suite.encryption, suite.integrity):
        if choice is None:
            continue
        name = choice.transform.name
        if name in profile.against:
            yield choice.label, profile.against[name]
        elif profile.allows:
            keys = profile.allows.get(name)
            if keys is None or (keys and choice.key_bits not in keys):
                yield choice.label, profile.otherwise
    encryption = suite.encryption
    alone = encryption and not suite.integrity and not encryption.transform.is_aead
    if encryption and alone and profile.unauthenticated:
        yield f"{encryption.label} without integrity", profile.unauthenticated
