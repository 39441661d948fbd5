# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where libreswan refuses a proposal: the word, its place, and a better one."""

import pytest

from modprobe_ipsec.daemons.common.errors import ProposalError
from modprobe_ipsec.daemons.libreswan import DAEMON
from modprobe_ipsec.daemons.libreswan.proposals import read
from modprobe_ipsec.needs.need import Suite
from tests.daemons.common import CATALOG, ESP

VOCABULARY = CATALOG.vocabularies[DAEMON.name]


def read_esp(text: str) -> tuple[Suite, ...]:
    return read(text, ESP, CATALOG)


@pytest.mark.parametrize("name", sorted(VOCABULARY.refused))
def test_gone_names_are_told_from_unknown_ones(name: str) -> None:
    for text, position in ((name, 0), (f"aes128;{name}", 7)):
        with pytest.raises(ProposalError, match=f"`{name}` is not supported") as caught:
            read_esp(text)
        assert (caught.value.token, caught.value.position) == (name, position)
    with pytest.raises(ProposalError, match=f"`{name}x` is not recognized"):
        read_esp(f"{name}x")


@pytest.mark.parametrize(
    ("text", "token", "position", "nearest"),
    [
        ("aes_gmc128", "aes_gmc128", 0, "aes_gcm_12"),
        ("aes128-sah1", "sah1", 7, "sha1"),
        ("aes128-sha1,chacha", "chacha", 12, ""),
        ("aes128-sha1-mdp2048", "mdp2048", 12, "modp2048"),
        ("!aes128-sha1;ke=DH9", "DH9", 16, "dh19"),
        ("aes_gcm, aes256-sha2", " aes256", 8, ""),
        ("sha256", "sha256", 0, ""),
        ("aes_gcm-md5", "md5", 8, ""),
        ("aes-sha1;modp2048;x", "x", 18, ""),
        ("aes,", "", 4, ""),
    ],
)
def test_the_error_names_token_place_and_the_nearest_word(
    text: str, token: str, position: int, nearest: str
) -> None:
    with pytest.raises(ProposalError) as caught:
        read_esp(text)
    error = caught.value
    assert (error.token, error.position, error.nearest) == (token, position, nearest)
    assert (error.text, error.daemon) == (text, DAEMON)
    assert f"character {position + 1} of `{text}`" in error.message
    assert (f"`{token}`" if token else "nothing") in error.message
    assert (f"did you mean `{nearest}`?" in error.message) is bool(nearest)


def test_ikev1_names_what_ikev2_lacks() -> None:
    with pytest.raises(ProposalError, match="is not supported by IKEv2"):
        read_esp("aes-hmac_sha2_256_truncbug")
    with pytest.raises(ProposalError, match="is not supported by IKEv1"):
        read("chacha20_poly1305", ESP, CATALOG, ike=1)
