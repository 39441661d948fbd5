# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's answers mean, in plain words. Pure.

Source: net/xfrm/xfrm_user.c xfrm_add_sa, net/xfrm/xfrm_state.c __xfrm_init_state; facts seen on
5.10 to 7.3. The errno decides: kernels up to 5.10 send no text, and later ones change it.
"""

import errno

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.base.text import strerror
from modprobe_ipsec.catalog.model import Family, KernelInterface, Protocol
from modprobe_ipsec.needs.need import AnyNeed, FeatureNeed, Need
from modprobe_ipsec.needs.proof import Answer, Proof

NO_SOCKET = "no NETLINK_XFRM socket"
NO_PF_KEY = "no PF_KEY socket"

# Errors that say something about us or the moment, and nothing about what the kernel can do.
NO_ANSWER: Mapping[int, str] = {
    errno.EPERM: "the kernel grants no CAP_NET_ADMIN here (EPERM)",
    errno.EACCES: "a security module forbids it (EACCES)",
    errno.EINTR: "interrupted (EINTR)",
    errno.ENOMEM: "the kernel is out of memory (ENOMEM)",
    errno.ENOBUFS: "the kernel is out of memory for messages (ENOBUFS)",
}

# Errors that no module mends, and what does.
NO_CURE: Mapping[int, str] = {
    errno.EOPNOTSUPP: "64-bit programs, or a kernel that takes messages of 32-bit ones "
    "(CONFIG_XFRM_USER_COMPAT)",
}

# As in the aliases of the modules: xfrm-type-FAMILY-PROTOCOL.
_TYPES = {Protocol.ESP: 50, Protocol.AH: 51, Protocol.COMP: 108}
_FAMILIES = {Family.IPV4: 2, Family.IPV6: 10}


def is_hopeless(proof: Proof) -> bool:
    """Whether the kernel refused the message itself, so that nothing that is loaded helps."""
    need = proof.need
    by_xfrm = isinstance(need, Need) and need.interface is KernelInterface.XFRM
    return by_xfrm and proof.errno in NO_CURE


def explain(proof: Proof) -> str:
    """Say in one sentence which layer answered what."""
    if proof.answer is Answer.NOT_ASKED:
        return proof.why
    if proof.answer is Answer.ACCEPTED:
        return f"the kernel made it with {proof.driver}" if proof.driver else "the kernel made it"
    if not proof.errno:
        return proof.why
    said = f": {proof.message}" if proof.message else ""
    return f"{_cause(proof, proof.need)} (errno {proof.errno}{said})"


def _cause(proof: Proof, need: AnyNeed) -> str:
    message = proof.message
    if message == NO_SOCKET:
        return "the kernel has no XFRM netlink interface: xfrm_user is missing or blocked"
    if message == NO_PF_KEY:
        return "the kernel has no PF_KEY interface: af_key is missing or blocked"
    if isinstance(need, FeatureNeed):
        return f"the kernel refuses {need.label}"
    protocol, number = need.suite.protocol, proof.errno
    # ESP hands on what the crypto API says, the other two make one error of all.
    if protocol is not Protocol.ESP and number == errno.EINVAL:
        tunnel = " or its IP-in-IP tunnel" if protocol is Protocol.COMP else ""
        return f"the kernel cannot set up {_algorithms(need, message)}{tunnel}"
    match number:
        case errno.EPROTONOSUPPORT if "mode" in message:
            return "the kernel has no tunnel mode for this address family"
        case errno.EPROTONOSUPPORT:
            alias = f"xfrm-type-{_FAMILIES[need.family]}-{_TYPES[protocol]}"
            name = " ".join(need.label.split()[:2])
            return f"nothing in the kernel answers {alias}, so there is no {name}"
        case errno.ENOSYS:
            names = _algorithms(need, message)
            return f"XFRM does not know {names}, or nothing in the kernel provides it"
        case errno.ENOENT:
            return (
                f"the kernel cannot build {need.suite.crypto_name}: "
                "a template, an IV generator or the random generator is missing, blocked or, "
                "in FIPS mode, forbidden"
            )
        case errno.ELIBBAD:
            return f"the kernel's self-test of {_algorithms(need, message)} failed"
        case errno.EINVAL:
            return "the kernel refuses a key length, an ICV length or a flag"
        case errno.EOPNOTSUPP:
            return "the kernel takes no XFRM messages from 32-bit processes"
        case errno.EAFNOSUPPORT:
            return "the kernel has no IPv6, or it is switched off"
    return strerror(number)


def _algorithms(need: Need, message: str) -> str:
    """The algorithms that the kernel's text is about; without one, all."""
    suite = need.suite
    integrity, encryption = suite.integrity, suite.encryption
    if "AUTH" in message:
        encryption = None
    elif any(word in message for word in ("AEAD", "CRYPT", "COMP")):
        integrity = None
    return " with ".join(c.transform.xfrm for c in (encryption, integrity) if c)
