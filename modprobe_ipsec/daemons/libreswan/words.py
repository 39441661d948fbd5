# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of libreswan's proposals: which are known where, and what is said of the others.

source: lib/libswan/{alg_byname,ike_alg,ike_alg_dh}.c
"""

from modprobe_ipsec.base.annotations import Collection, Iterator
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.catalog.model import Catalog, Protocol, Transform, Vocabulary, XfrmTable
from modprobe_ipsec.daemons.common.errors import ProposalSyntaxError
from modprobe_ipsec.daemons.libreswan import DAEMON

# Key exchanges with more than one name; the last one stands for all.
_SAME = {
    name: names.split()[-1]
    for names in (
        "none null dh0",
        "modp1536 dh5",
        "modp2048 dh14",
        "modp3072 dh15",
        "modp4096 dh16",
        "modp6144 dh17",
        "modp8192 dh18",
        "ecp_256 ecp256 dh19",
        "ecp_384 ecp384 dh20",
        "ecp_521 ecp521 dh21",
        "curve25519 dh31",
        "ml_kem_512 mlkem512",
        "ml_kem_768 mlkem768",
        "ml_kem_1024 mlkem1024",
    )
    for name in names.split()
}
NO_KEY_EXCHANGE = "dh0"
# A misspelled word is never answered with these: they would weaken what somebody wanted.
_NO_SUGGESTION = frozenset({"NULL", "NULL_AES_GMAC", "3DES", "HMAC_MD5_96", "HMAC_SHA2_256_96"})
_ML_KEM = frozenset({"mlkem512", "mlkem768", "mlkem1024"})
_IKEV2_ONLY = _ML_KEM | {NO_KEY_EXCHANGE}
# These in IKEv1, too, since 5.4. source: ike_alg_ke.c, IKEv1_IPSEC_ID
_IKEV1_LATER = frozenset({"dh19", "dh20", "dh21", "dh31"})
_NOT_IN_FIPS = _ML_KEM | {"dh5", "dh23", "dh24", "dh31"}


class Token(Value):
    """A word, the delimiter before it (empty for the first one), and where it stands."""

    before: str
    word: str
    position: int

    @property
    def name(self) -> str:
        """The word for look-up: in lower case, as C's tolower() has it."""
        return self.word.lower() if self.word.isascii() else self.word

    def error(self, problem: str, known: Collection[str] = ()) -> ProposalSyntaxError:
        """What is wrong with this token."""
        return ProposalSyntaxError(problem, self.word, self.position, known)


class Words(Value):
    """What one protocol, version of IKE and FIPS mode know."""

    protocol: Protocol
    catalog: Catalog
    ike: int
    fips: bool
    version: tuple[int, ...]

    @property
    def typed(self) -> bool:
        """Whether `;type=` and `!` are known: since 5.4."""
        return self.version >= (5, 4)

    @property
    def vocabulary(self) -> Vocabulary:
        """All words of all releases."""
        return self.catalog.vocabularies[DAEMON.name]

    def encryption(self, token: Token, name: str) -> Transform:
        """A cipher or AEAD by its name without the key length. Raises ProposalSyntaxError."""
        return self._transform(token, "encryption", (XfrmTable.AEAD, XfrmTable.CIPHER), name)

    def integrity(self, token: Token) -> Transform:
        """Look up an integrity algorithm. Raises ProposalSyntaxError."""
        return self._transform(token, "integrity", (XfrmTable.AUTH,), token.name)

    def key_exchange(self, token: Token) -> str:
        """Look up a key exchange: the one name for all of its names. Raises ProposalSyntaxError."""
        known = self.vocabulary.key_exchange
        method = _SAME.get(token.name, token.name)
        if token.name not in known or (self.fips and method in _NOT_IN_FIPS):
            named = [
                word for word in known if _SAME.get(word, word) not in (NO_KEY_EXCHANGE, "dh5")
            ]
            raise self._unknown(token, "key exchange", named)
        later = method in _IKEV1_LATER and not self.typed
        if self.ike == 1 and (method in _IKEV2_ONLY or later):
            raise token.error("is not supported by IKEv1")
        return method

    def _transform(
        self, token: Token, what: str, kinds: tuple[XfrmTable, ...], name: str
    ) -> Transform:
        known = {
            name: word
            for name, word in self.vocabulary.words.items()
            if word.transform.kind in kinds and (word.fips or not self.fips)
        }
        if not (word := known.get(name)):
            better = [w for w in known if known[w].transform.name not in _NO_SUGGESTION]
            if what == "encryption":
                better += self._two_in_one(token.name)
            raise self._unknown(token, f"{self.protocol.upper()} {what}", better)
        if word.ike not in (0, self.ike):
            raise token.error(f"is not supported by IKEv{self.ike}")
        return word.transform

    def _two_in_one(self, text: str) -> Iterator[str]:
        """`aes256sha256` -> `aes256-sha256`."""
        words = self.vocabulary.words
        for cut in range(1, len(text)):
            cipher, integrity = text[:cut], text[cut:]
            first = words.get(cipher) or words.get(cipher.rstrip("0123456789").removesuffix("_"))
            second = words.get(integrity)
            kinds = first and second and (first.transform.kind, second.transform.kind)
            if kinds == (XfrmTable.CIPHER, XfrmTable.AUTH):
                yield f"{cipher}-{integrity}"

    def _unknown(self, token: Token, what: str, known: Collection[str]) -> ProposalSyntaxError:
        if not token.word:
            return token.error(f"stands where the {what} should be")
        if token.name in self.vocabulary.refused:
            return token.error("is not supported")
        problem = f"is not recognized as {what}" + " in FIPS mode" * self.fips
        if token.word != token.word.strip():
            problem += ": white space counts as part of the word"
        return token.error(problem, known)
