# SPDX-License-Identifier: GPL-3.0-or-later
"""Every transform alone, as a proposal and as the `ip xfrm` words that a daemon's SA comes to.

Written from net/xfrm/xfrm_algo.c and the RFCs, not from the project's own map: it is to judge it.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """One transform (with a partner, where it needs one) in all its key lengths.

    Each key length leads to an SA on each family, with and without ESN.
    """

    # Option of the tool and its value in strongSwan's words, `#` for the key length.
    option: str
    form: str
    # esp, ah or comp
    proto: str
    # `ip xfrm state add` after the flags: algorithms and keys, by key length in bits.
    algorithms: dict[str, str]
    # What the kernel asks its crypto API for, without and with ESN; empty if nothing can.
    names: tuple[str, str]

    @property
    def proposal(self) -> str:
        """`aes#-sha256` -> `aes128-aes192-aes256-sha256`."""
        words = []
        for word in self.form.split("-"):
            lengths = self.algorithms if "#" in word else ("",)
            words += [word.replace("#", bits) for bits in lengths]
        return "-".join(words)

    def with_longest_key(self) -> "Case":
        """The same case with one key length only."""
        bits, algorithms = list(self.algorithms.items())[-1]
        return replace(self, algorithms={bits: algorithms})


def _key(bits: int) -> str:
    # distinct thirds, which triple DES insists on in FIPS mode
    return "0x" + "".join(f"{17 * i % 251 + 1:02x}" for i in range(bits // 8)) if bits else "''"


AES = (128, 192, 256)


def _aead(form: str, name: str, icv: int, salt: int, key_bits: tuple[int, ...] = AES) -> Case:
    algorithms = {str(n): f"aead {name} {_key(n + salt)} {icv}" for n in key_bits}
    wrapped = f"seqiv({name})"
    return Case("--esp", form, "esp", algorithms, (wrapped, wrapped))


@dataclass(frozen=True, slots=True)
class Cipher:
    form: str
    name: str
    key_bits: tuple[int, ...]
    salt: int = 0


@dataclass(frozen=True, slots=True)
class Integrity:
    word: str
    name: str
    key_bits: int
    icv: int

    @property
    def words(self) -> str:
        return f"auth-trunc {self.name} {_key(self.key_bits)} {self.icv}"


def _pair(cipher: Cipher, integrity: Integrity) -> Case:
    algorithms = {
        str(n): f"enc {cipher.name} {_key(n + cipher.salt)} {integrity.words}"
        for n in cipher.key_bits
    }
    names = [f"{t}({integrity.name},{cipher.name})" for t in ("authenc", "authencesn")]
    if cipher.name != "ecb(cipher_null)":
        generator = "seqiv" if cipher.name.startswith("rfc3686") else "echainiv"
        names = [f"{generator}({name})" for name in names]
    return Case("--esp", f"{cipher.form}-{integrity.word}", "esp", algorithms, (names[0], names[1]))


AEADS = [
    *(_aead(f"aes#gcm{icv // 8}", "rfc4106(gcm(aes))", icv, 32) for icv in (64, 96, 128)),
    *(_aead(f"aes#ccm{icv // 8}", "rfc4309(ccm(aes))", icv, 24) for icv in (64, 96, 128)),
    _aead("aes#gmac", "rfc4543(gcm(aes))", 128, 32),
    _aead("chacha20poly1305", "rfc7539esp(chacha20,poly1305)", 128, 32, (256,)),
]

CIPHERS = [
    Cipher("aes#", "cbc(aes)", AES),
    Cipher("aes#ctr", "rfc3686(ctr(aes))", AES, salt=32),
    Cipher("3des", "cbc(des3_ede)", (192,)),
    Cipher("des", "cbc(des)", (64,)),
    Cipher("camellia#", "cbc(camellia)", AES),
    Cipher("blowfish#", "cbc(blowfish)", AES),
    Cipher("cast128", "cbc(cast5)", (128,)),
    Cipher("serpent#", "cbc(serpent)", AES),
    Cipher("twofish#", "cbc(twofish)", AES),
    Cipher("null", "ecb(cipher_null)", (0,)),
]

INTEGRITY = [
    Integrity("sha256", "hmac(sha256)", 256, 128),
    Integrity("sha1", "hmac(sha1)", 160, 96),
    Integrity("md5", "hmac(md5)", 128, 96),
    Integrity("md5_128", "hmac(md5)", 128, 128),
    Integrity("sha1_160", "hmac(sha1)", 160, 160),
    Integrity("sha256_96", "hmac(sha256)", 256, 96),
    Integrity("sha384", "hmac(sha384)", 384, 192),
    Integrity("sha512", "hmac(sha512)", 512, 256),
    Integrity("aesxcbc", "xcbc(aes)", 128, 96),
    Integrity("aescmac", "cmac(aes)", 128, 96),
]

PAIRS = [
    *(_pair(cipher, integrity) for cipher in CIPHERS for integrity in INTEGRITY[:2]),
    *(_pair(Cipher("aes128", "cbc(aes)", (128,)), integrity) for integrity in INTEGRITY[2:]),
]

AH = [Case("--ah", i.word, "ah", {str(i.key_bits): i.words}, (i.name, i.name)) for i in INTEGRITY]

OTHERS = [
    # encryption only: strongSwan takes it, and so does the kernel
    Case("--esp", "aes256", "esp", {"256": f"enc cbc(aes) {_key(256)}"},
         ("echainiv(authenc(digest_null,cbc(aes)))", "echainiv(authencesn(digest_null,cbc(aes)))")),
    Case("--ipcomp", "", "comp", {"0": "comp deflate"}, ("deflate", "deflate")),
    # what no kernel can do, by the name that it would have
    Case("--esp", "camellia256ctr-sha256", "esp",
         {"256": f"enc rfc3686(ctr(camellia)) {_key(288)} {INTEGRITY[0].words}"}, ("", "")),
    Case("--esp", "camellia256ccm16", "esp",
         {"256": f"aead rfc4309(ccm(camellia)) {_key(280)} 128"}, ("", "")),
    Case("--ah", "aes128gmac", "ah",
         {"128": f"auth-trunc rfc4543(gcm(aes)) {_key(160)} 128"}, ("", "")),
]  # fmt: skip

ALL = [*AEADS, *PAIRS, *AH, *OTHERS]

_BY_FORM = {case.form: case for case in (*AEADS, *PAIRS, *OTHERS)}
_PAIRED = (
    *("aes#-sha256", "aes128-sha512", "aes128-aesxcbc", "aes128-aescmac", "3des-sha1"),
    *("aes#ctr-sha1", "twofish#-sha256", "serpent#-sha256", "null-sha256"),
)
SUITES = [
    case.with_longest_key()
    for case in (
        *(_BY_FORM[form] for form in ("aes#gcm16", "chacha20poly1305", "aes#ccm16", "aes#gmac")),
        *(_BY_FORM[form] for form in _PAIRED),
        _pair(Cipher("camellia#", "cbc(camellia)", AES), INTEGRITY[6]),
        *(AH[number] for number in (0, 2)),
        _BY_FORM[""],
    )
]
"""One of each kind that has code of its own for some CPU: for machines that take long for all."""


def as_data(cases: list[Case]) -> list[dict[str, Any]]:
    """For the guest."""
    return [{**asdict(case), "proposal": case.proposal} for case in cases]
