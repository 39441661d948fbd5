# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan's grammar: its own keywords and unit tests, and rule by rule."""

import pytest

from modprobe_ipsec.catalog.model import Protocol, XfrmTable
from modprobe_ipsec.daemons.common.errors import ProposalError, ProposalSyntaxError
from modprobe_ipsec.daemons.strongswan import DAEMON
from modprobe_ipsec.daemons.strongswan.proposals import Proposal, default, proposal, read
from modprobe_ipsec.needs.need import Choice
from tests.daemons.common import AH, CATALOG, ESP, esn, labels, table

KEYWORDS = table("strongswan_keywords.tsv")
UNIT = [row for row in table("strongswan_unit_proposals.tsv") if row["protocol"] != "IKE"]
PRIVATE_USE = 1024

AEAD = ["AES_GCM_16_128", "AES_GCM_16_192", "AES_GCM_16_256"]
CLASSIC = [
    f"AES_CBC_{bits} {auth}"
    for bits in (128, 192, 256)
    for auth in (
        "HMAC_SHA2_256_128",
        "HMAC_SHA2_384_192",
        "HMAC_SHA2_512_256",
        "HMAC_SHA1_96",
        "AES_XCBC_96",
    )
]


def test_all_keywords_are_there() -> None:
    assert len([row for row in KEYWORDS if not row["last_tag_if_removed"]]) == 153


@pytest.mark.parametrize("row", KEYWORDS, ids=[row["keyword"] for row in KEYWORDS])
def test_keyword(row: dict[str, str]) -> None:
    word, kind = row["keyword"], row["transform_type"]
    if kind in ("ENCRYPTION_ALGORITHM", "INTEGRITY_ALGORITHM"):
        encrypts = kind == "ENCRYPTION_ALGORITHM"
        found = proposal(word, ESP if encrypts else AH, CATALOG)
        (choice,) = found.encryption if encrypts else found.integrity
        assert choice.transform.iana == int(row["id"])
        if encrypts and row["proposal_key_bits"] != "0":
            assert choice.key_bits == int(row["proposal_key_bits"])
        assert choice.transform.xfrm == row["canonical_xfrm_algo_name"]
        if row["alg_key_len_bits(incl salt)"]:
            assert choice.netlink_key_bits == int(row["alg_key_len_bits(incl salt)"])
        if row["icv_or_trunc_bits"]:
            assert choice.transform.icv_bits == int(row["icv_or_trunc_bits"])
    elif kind == "EXTENDED_SEQUENCE_NUMBERS":
        assert proposal(f"sha1-{word}", AH, CATALOG).esn == (row["id"] == "1",)
    else:
        found = proposal(f"aes128-{word}", ESP, CATALOG)
        assert labels(found.suites()) == ["AES_CBC_128"]
        assert found.key_exchange == ((word,) if kind == "KEY_EXCHANGE_METHOD" else ())


def named(text: str, protocol: Protocol) -> Proposal:
    return proposal(text, protocol, CATALOG)


def method(word: str) -> str:
    """How strongSwan's tests print a key exchange; the one for `none` is not printed."""
    return f"MODP_{word.removeprefix('modp')}"


def printed(found: Proposal) -> str:
    """The form that strongSwan's own tests compare."""
    numbers = ["EXT_SEQ" if esn else "NO_EXT_SEQ" for esn in found.esn]
    choices = [choice.label for choice in (*found.encryption, *found.integrity)]
    return "/".join(
        [f"{found.protocol.upper()}:" + choices[0], *choices[1:]]
        + [method(word) for word in found.key_exchange]
        + numbers
    )


@pytest.mark.parametrize(
    "row",
    [row for row in UNIT if row["table"] == "create_data"],
    ids=lambda row: f"{row['protocol']} {row['proposal']}",
)
def test_create(row: dict[str, str]) -> None:
    protocol = Protocol(row["protocol"].lower())
    if row["outcome"] == "invalid":
        with pytest.raises(ProposalSyntaxError):
            named(row["proposal"], protocol)
    else:
        assert printed(named(row["proposal"], protocol)) == row["expected"]


def select(own: Proposal, peer: Proposal, flags: str) -> tuple[object, ...] | None:
    """What two proposals agree on, kind by kind in our order, or None: `select_proposal`."""
    agreed: list[object] = []
    none = ("none",)
    for kind in ("encryption", "integrity", "key_exchange", "esn"):
        ours, theirs = getattr(own, kind), getattr(peer, kind)
        if kind == "key_exchange":
            if "SKIP_KE" in flags:
                continue
            ours, theirs = ours or none, theirs or none
        common = [one for one in ours if one in theirs]
        if not common and (ours or theirs):
            return None
        agreed.append(common[0] if common else ())
    return tuple(agreed)


def wanted(text: str, flags: str) -> tuple[object, ...]:
    return select(named(text, ESP), named(text, ESP), flags) or ()


@pytest.mark.parametrize(
    "row",
    [row for row in UNIT if row["table"] == "select_data"],
    ids=lambda row: f"{row['proposal']} {row['other']} {row['flags']}",
)
def test_select(row: dict[str, str]) -> None:
    found = select(named(row["proposal"], ESP), named(row["other"], ESP), row["flags"])
    if row["outcome"] == "match":
        assert found == wanted(row["expected"], row["flags"])
        # what both take is among the suites of both
        own, peer = (set(named(row[side], ESP).suites()) for side in ("proposal", "other"))
        assert next(named(row["expected"], ESP).suites()) in own & peer
    else:
        assert found is None


@pytest.mark.parametrize(
    "row",
    [row for row in UNIT if row["table"] == "select_proposal_data"],
    ids=lambda row: f"{row['proposal']} {row['other']} {row['flags']}",
)
def test_select_from_lists(row: dict[str, str]) -> None:
    own, peer = (
        [named(text, ESP) for text in row[side].split(",") if text]
        for side in ("proposal", "other")
    )
    pairs = (
        [(ours, theirs) for theirs in peer for ours in own]
        if "PREFER_SUPPLIED" in row["flags"]
        else [(ours, theirs) for ours in own for theirs in peer]
    )
    found = [match for pair in pairs if (match := select(*pair, row["flags"]))]
    if row["outcome"] == "match":
        assert found[0] == wanted(row["expected"], row["flags"])
    else:
        assert not found


@pytest.mark.parametrize(
    "row",
    [row for row in UNIT if row["table"] == "clone_data"],
    ids=lambda row: f"{row['proposal']} {row['flags']}",
)
def test_clone(row: dict[str, str]) -> None:
    """A copy without private-use ids or key exchange is what the other text says."""
    original, expected = named(row["proposal"], ESP), named(row["expected"], ESP)

    def kept(choice: Choice) -> bool:
        return "PRIVATE" not in row["flags"] or (choice.transform.iana or 0) < PRIVATE_USE

    assert tuple(filter(kept, original.encryption)) == expected.encryption
    assert tuple(filter(kept, original.integrity)) == expected.integrity
    kept_methods = () if "SKIP_KE" in row["flags"] else original.key_exchange
    assert kept_methods == expected.key_exchange


ONE_PROPOSAL = {
    # spaces are trimmed, empty tokens skipped, order matters only within a kind
    " aes128 - sha256 ": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "--aes128---sha256-": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "- -aes128": ["AES_CBC_128"],
    "sha256-modp3072-aes128": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "sha1-aes256-aes128-sha256": [
        "AES_CBC_256 HMAC_SHA1_96",
        "AES_CBC_256 HMAC_SHA2_256_128",
        "AES_CBC_128 HMAC_SHA1_96",
        "AES_CBC_128 HMAC_SHA2_256_128",
    ],
    "aes-aes128-aes": ["AES_CBC_128"],
    "": None,
    "-": None,
    " - -- ": None,
    # quotes: as they are, and no separator is needed after them
    "\"aes128\"-'sha256'": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "'aes128'sha256": ["AES_CBC_128 HMAC_SHA2_256_128"],
    "' aes128'": None,
    "'aes128-sha256'": None,
    "''": None,
    "'aes128": None,
    "aes128'": None,
    "a'es128'": None,
    # case counts
    "AES128": None,
    "aes128-SHA256": None,
    # what is no word at all
    "aes128+sha256": None,
    "aes128;modp2048": None,
    "aes_gcm": None,
    "aes128-trunc256": None,
    "aes128-sha256!": None,
    "aes128\t": None,
    "default": None,
    # ESP
    "null": ["NULL"],
    "aes128gmac": ["NULL_AES_GMAC_128"],
    "aes128gcm16-sha256": ["AES_GCM_16_128"],
    "aes128gcm-chacha20poly1305-aes256ccm8": [
        "AES_GCM_16_128",
        "CHACHA20_POLY1305",
        "AES_CCM_8_256",
    ],
    "aes128-aes128gcm16": None,
    "sha256": None,
    "modp2048": None,
    "esn": None,
    # key exchange and PRF
    "aes128-prfsha256": ["AES_CBC_128"],
    "aes128-modp2048-none": ["AES_CBC_128"],
    "aes128-ke1_mlkem768-KE7_none-kE2_x25519": ["AES_CBC_128"],
    "aes128-ke0_mlkem768": None,
    "aes128-ke8_mlkem768": None,
    "aes128-ke1_MLKEM768": None,
    "aes128-ke1_aes128": None,
    "aes128-ke1_": None,
    "aes128-ke1_ke2_none": None,
}  # fmt: skip

AH_PROPOSAL = {
    "sha256": ["HMAC_SHA2_256_128"],
    "aes128gcm16-sha256-sha1": ["HMAC_SHA2_256_128", "HMAC_SHA1_96"],
    "aes128-aes128gcm16-sha256": ["HMAC_SHA2_256_128"],
    "aes192gmac": ["AES_192_GMAC"],
    "sha1-aes256gmac-aes128gmac": ["HMAC_SHA1_96", "AES_256_GMAC", "AES_128_GMAC"],
    "aes128": None,
    "null": None,
    "": None,
}


@pytest.mark.parametrize(("text", "expected"), ONE_PROPOSAL.items())
def test_esp(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ProposalSyntaxError):
            named(text, ESP)
    else:
        assert labels(named(text, ESP).suites()) == expected


@pytest.mark.parametrize(("text", "expected"), AH_PROPOSAL.items())
def test_ah(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ProposalSyntaxError):
            named(text, AH)
    else:
        assert labels(named(text, AH).suites()) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [("", [False]), ("-noesn", [False]), ("-esn", [True]), ("-esn-noesn", [True, False]),
     ("-noesn-esn", [False, True])],
)  # fmt: skip
def test_esn(words: str, expected: list[bool]) -> None:
    for text in ("aes128-sha1", "aes128gcm16"):
        suites = read(text + words, ESP, CATALOG)
        assert [suite.esn for suite in suites] == expected
        assert esn(suites) == set(expected)


SWANCTL, IPSEC_CONF, COMMAND_LINE = True, False, None
ANYWHERE = (SWANCTL, IPSEC_CONF, COMMAND_LINE)


class TestLists:
    @pytest.mark.parametrize("swanctl", ANYWHERE)
    def test_alternatives_in_order(self, swanctl: bool | None) -> None:
        suites = read(" aes256gcm16 ,aes128-sha1", ESP, CATALOG, swanctl=swanctl)
        assert labels(suites)[:2] == ["AES_GCM_16_256", "AES_CBC_128 HMAC_SHA1_96"]

    def test_swanctl_and_the_command_line_add_nothing(self) -> None:
        for swanctl in (SWANCTL, COMMAND_LINE):
            assert labels(read("aes256gcm16", ESP, CATALOG, swanctl=swanctl)) == ["AES_GCM_16_256"]

    def test_ipsec_conf_adds_the_defaults_last(self) -> None:
        suites = labels(read("aes256ccm16", ESP, CATALOG, swanctl=IPSEC_CONF))
        assert suites == ["AES_CCM_16_256", *CLASSIC, *AEAD]
        added = labels(read("aes256gcm16", ESP, CATALOG, swanctl=IPSEC_CONF))
        assert added == ["AES_GCM_16_256", *CLASSIC, *AEAD[:2]]

    def test_ipsec_conf_ah(self) -> None:
        suites = read("md5", AH, CATALOG, swanctl=IPSEC_CONF)
        assert labels(suites) == [
            "HMAC_MD5_96",
            *(suite.partition(" ")[2] for suite in CLASSIC[:5]),
        ]

    @pytest.mark.parametrize("swanctl", [IPSEC_CONF, COMMAND_LINE])
    def test_strict(self, swanctl: bool | None) -> None:
        suites = read("aes256-sha1,aes128ctr!", ESP, CATALOG, swanctl=swanctl)
        assert labels(suites) == ["AES_CBC_256 HMAC_SHA1_96", "AES_CTR_128"]

    @pytest.mark.parametrize("text", ["aes128!,aes256", "!aes128", "aes128! ", "aes128!!", "!"])
    def test_strict_only_as_the_last_character(self, text: str) -> None:
        for swanctl in ANYWHERE:
            with pytest.raises(ProposalError):
                read(text, ESP, CATALOG, swanctl=swanctl)

    def test_strict_is_unknown_to_swanctl(self) -> None:
        with pytest.raises(ProposalError, match="`sha256!` is not recognized"):
            read("aes128-sha256!", ESP, CATALOG, swanctl=SWANCTL)

    @pytest.mark.parametrize("swanctl", [SWANCTL, COMMAND_LINE])
    @pytest.mark.parametrize("word", ["default", "DEFAULT", " Default "])
    def test_default(self, word: str, swanctl: bool | None) -> None:
        assert labels(read(word, ESP, CATALOG, swanctl=swanctl)) == [*AEAD, *CLASSIC]
        beside = read(f"aes256gcm16,{word}", ESP, CATALOG, swanctl=swanctl)
        assert labels(beside) == ["AES_GCM_16_256", *AEAD[:2], *CLASSIC]

    def test_default_is_unknown_to_ipsec_conf(self) -> None:
        with pytest.raises(ProposalError, match="`default` is not recognized"):
            read("aes128gcm16,default", ESP, CATALOG, swanctl=IPSEC_CONF)

    def test_empty_items(self) -> None:
        for text in (",aes128", "aes128,", "aes128, ,aes256"):
            with pytest.raises(ProposalError):
                read(text, ESP, CATALOG, swanctl=IPSEC_CONF)
            assert labels(read(text, ESP, CATALOG, swanctl=SWANCTL))[0] == "AES_CBC_128"
        for swanctl in ANYWHERE:
            for text in ("", ",", " , "):
                with pytest.raises(ProposalError, match=r"^nothing stands"):
                    read(text, ESP, CATALOG, swanctl=swanctl)

    def test_quoted_items(self) -> None:
        suites = read("'aes128-sha1', \"aes256\"", ESP, CATALOG, swanctl=SWANCTL)
        assert labels(suites) == ["AES_CBC_128 HMAC_SHA1_96", "AES_CBC_256"]
        with pytest.raises(ProposalError, match="`aes128-sha1` is not recognized"):
            read("'aes128-sha1'", ESP, CATALOG, swanctl=IPSEC_CONF)

    def test_one_bad_proposal_spoils_all(self) -> None:
        for swanctl in ANYWHERE:
            with pytest.raises(ProposalError):
                read("aes128gcm16,aes128-foo", ESP, CATALOG, swanctl=swanctl)

    def test_vici_takes_so_many_characters_of_an_item(self) -> None:
        fits = "aes128" + "-" * 2040 + "x"
        for text, problem in ((fits, "not recognized"), (fits.replace("-", "--", 1), "longer")):
            with pytest.raises(ProposalError, match=problem):
                read(f"aes256,{text}", ESP, CATALOG, swanctl=SWANCTL)


def test_default_esp() -> None:
    suites = default(ESP, CATALOG)
    assert labels(suites) == [*AEAD, *CLASSIC]
    assert esn(suites) == {False}


def test_default_ah() -> None:
    names = [suite.partition(" ")[2] for suite in CLASSIC[:5]]
    assert labels(default(AH, CATALOG)) == names


@pytest.mark.parametrize(
    ("text", "token", "position", "nearest"),
    [
        ("aes265gcm16", "aes265gcm16", 0, "aes256gcm16"),
        ("AES128", "AES128", 0, "aes128"),
        ("aes128gcm16 , aes256 - sah256", "sah256", 23, "sha256"),
        ("aes128-prfsha265", "prfsha265", 7, "prfsha256"),
        ("aes128-ecp257", "ecp257", 7, "ecp256"),
        ("aes128-noens", "noens", 7, "noesn"),
        ("aes128-aes256gcm16", "aes256gcm16", 7, ""),
        ("aes128,sha1-sha256", "sha1-sha256", 7, ""),
    ],
)
def test_the_error_names_token_place_and_the_nearest_word(
    text: str, token: str, position: int, nearest: str
) -> None:
    with pytest.raises(ProposalError) as caught:
        read(text, ESP, CATALOG)
    error = caught.value
    assert (error.token, error.position, error.nearest) == (token, position, nearest)
    assert (error.text, error.daemon) == (text, DAEMON)
    assert f"`{token}` " in error.message
    assert f"character {position + 1} of `{text}`" in error.message
    assert (f"did you mean `{nearest}`?" in error.message) is bool(nearest)


def test_gmac_of_ah_has_all_three_lengths() -> None:
    """The names that the parser makes are in the map."""
    gmac = CATALOG.transforms["NULL_AES_GMAC"]
    for bits in gmac.key_bits:
        assert CATALOG.transforms[f"AES_{bits}_GMAC"].kind is XfrmTable.AUTH
