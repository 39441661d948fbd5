# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposals made up: well formed, nearly so, and not at all. The same ones in every run."""

import re
from collections.abc import Callable
from random import Random

from modprobe_ipsec.catalog.model import XfrmTable

from .common import CATALOG

_ENCRYPTION = (XfrmTable.AEAD, XfrmTable.CIPHER)
_LIBRESWAN, _STRONGSWAN = (CATALOG.vocabularies[name] for name in ("libreswan", "strongswan"))
_TRANSFORMS = {name: word.transform for name, word in _LIBRESWAN.words.items()}
LIBRESWAN_CIPHERS = [n for n, t in _TRANSFORMS.items() if t.kind in _ENCRYPTION]
LIBRESWAN_AEAD = [n for n in LIBRESWAN_CIPHERS if _TRANSFORMS[n].is_aead]
LIBRESWAN_PLAIN = [n for n in LIBRESWAN_CIPHERS if not _TRANSFORMS[n].is_aead]
LIBRESWAN_INTEGRITY = [n for n, t in _TRANSFORMS.items() if t.kind is XfrmTable.AUTH]
LIBRESWAN_KE = sorted(_LIBRESWAN.key_exchange)
STRONGSWAN_WORDS = [
    *_STRONGSWAN.words,
    *sorted(_STRONGSWAN.key_exchange),
    *sorted(_STRONGSWAN.prf),
    "esn",
    "noesn",
    "ke1_mlkem768",
]
# What is special to one of the parsers, and what is special to Python.
ODD = ["-", ";", "+", "=", ",", "!", "_", " ", "'", '"', "0", "128", "-16", "256", "none", "null",
       "sn=", "yes", "integ=", "encrypt=", "addke1=", "default", "ke2_", "\t", "\0", "\x1b", "\n",
       "\u0661", "\u00b2", "\u212a", "\udc80", "\U0001f600"]  # fmt: skip


def libreswan(random: Random) -> str:
    """A proposal that follows libreswan's grammar, now and then with a wrong word."""
    number = random.choice((1, 1, 1, 2, 3))
    if random.random() < 0.3:
        # about the same key exchange in all of them, as pfs=yes wants it
        methods = random.choices(LIBRESWAN_KE, k=random.choice((1, 1, 2)))
        return ",".join(f"{_alternative(random)};{random.choice(methods)}" for _ in range(number))
    return ",".join(_alternative(random) + _maybe_key_exchange(random) for _ in range(number))


def single(random: Random) -> str:
    """As `libreswan`, but for IKEv1: one transform of a kind."""
    return re.sub(r"\+[^-;,+]*", "", libreswan(random))


def _maybe_key_exchange(random: Random) -> str:
    if random.random() < 0.8:
        return ""
    return random.choice("-;") + _chain(random, _key_exchange, random.choice((0, 0, 0, 1)))


def _alternative(random: Random) -> str:
    aead, more = random.random() < 0.4, random.choice((0, 0, 1, 2))
    fitting = LIBRESWAN_AEAD if aead else LIBRESWAN_PLAIN
    wrong = random.random() < 0.4
    text = _chain(
        random, lambda r: _cipher(r, LIBRESWAN_CIPHERS if wrong else fitting, wrong), more
    )
    if wrong or not aead:
        integrity = _integrity if wrong else _right_integrity
        text += "-" + _chain(random, integrity, random.choice((0, 0, 1, 2)))
    elif random.random() < 0.5:
        text += random.choice(("-null", "-none"))
    return text


def ah(random: Random) -> str:
    """As `libreswan`, for AH."""
    text = _chain(random, random.choice((_integrity, _right_integrity)), random.choice((0, 0, 1)))
    return text + _maybe_key_exchange(random)


def _chain(random: Random, item: Callable[[Random], str], more: int) -> str:
    return "+".join(item(random) for _ in range(1 + more))


def _cipher(random: Random, names: list[str], wrong: bool) -> str:
    name = random.choice(names)
    if wrong and random.random() < 0.1:
        name = random.choice(["des", "blowfish", "aes_gmc", "sha1", "", "AES"])
    lengths = _TRANSFORMS[name].key_bits if name in _TRANSFORMS else (128,)
    if len(lengths) > 1 or wrong:
        name += random.choice(("", "-", "_")) + str(random.choice(lengths))
    if wrong and random.random() < 0.3:
        name += random.choice(["0", "-16", "_0128", "512", "-1x", "-256", "_"])
    return name.upper() if random.random() < 0.1 else name


def _right_integrity(random: Random) -> str:
    return random.choice(LIBRESWAN_INTEGRITY)


def _integrity(random: Random) -> str:
    if random.random() < 0.3:
        return random.choice(["none", "null", "none", "sha1", "sha2", "sah1", "modp2048", ""])
    return random.choice(LIBRESWAN_INTEGRITY)


def _key_exchange(random: Random) -> str:
    return random.choice([*LIBRESWAN_KE, "dh22", "dh2", "modp1024", "", "sha1"])


def strongswan(random: Random) -> str:
    """A proposal of strongSwan's words, right or wrong in their combination."""
    item = "-".join(random.choice(STRONGSWAN_WORDS) for _ in range(random.randint(1, 5)))
    if random.random() < 0.2:
        item += random.choice(["!", ",default", ", aes128-sha256", ",aes256gcm16"])
    return item


def mutated(random: Random) -> str:
    """A valid one with some characters or words put in, taken out or doubled."""
    text = random.choice((libreswan, ah, strongswan))(random)
    for _ in range(random.randint(1, 4)):
        at, end = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
        end = min(end, at + 6)
        middle = random.choice(
            ["", text[at:end] * 2, random.choice(ODD), chr(random.randint(32, 126))]
        )
        text = text[:at] + middle + text[end:]
    return text


def noise(random: Random) -> str:
    """No proposal, but of their characters and words."""
    words = [*ODD, *STRONGSWAN_WORDS, *LIBRESWAN_CIPHERS, *LIBRESWAN_INTEGRITY]
    return "".join(random.choice(words) for _ in range(random.randint(0, 12)))
