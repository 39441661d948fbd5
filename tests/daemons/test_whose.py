# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose ipsec.conf it is: libreswan and strongSwan share its name, its form and most keywords."""

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.catalog.model import Family
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.installed import Installed
from modprobe_ipsec.daemons.whose import Owner, owner
from tests.shipped import CATALOG, LIBRESWAN, STRONGSWAN, daemon_tree

CONTEXT = Context(CATALOG, daemon_tree, tuple(Family), fips=False)
OWNERS = [Owner(daemon, daemon.configurations[0]) for daemon in (LIBRESWAN, STRONGSWAN)]
NOTHING = Installed(frozenset())
PLUTO = Installed(frozenset({"/usr/libexec/ipsec/pluto"}))
STARTER = Installed(frozenset({"/usr/lib/ipsec/starter"}))
PLAIN = "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n"
# Tutorials for both daemons have these: the one ignores pfs=, the other has both.
PFS = f"{PLAIN}\tpfs=yes\n\treauth=no\n"


def whose(text: str, installed: Installed = NOTHING) -> str:
    return owner("/x/ipsec.conf", text, OWNERS, CONTEXT, installed).daemon.name


@pytest.mark.parametrize(
    "line",
    [
        "config setup\n\tprotostack=xfrm",
        "config setup\n\tvirtual-private=%v4:10.0.0.0/8",
        "conn a\n\tikev2=insist",
        "conn a\n\tPhase2=ah",
        "conn a\n\tauto=ondemand",
        "conn a\n\tesp=aes_gcm256-null",
        "conn a\n\tesp=aes128+aes256-sha2_512;dh19",
        "conn a\n\tah=sha2_256+sha1",
        "conn a\n\tipsec-interface=yes\n\treauth=no",
        "conn a\n\t# closeaction=none\n\tleftaddresspool=10.0.0.0/8",
        "conn a\n\tx-comment=by hand\n\tnic-offload=packet",
    ],
)
def test_what_libreswan_alone_knows(line: str) -> None:
    assert whose(f"{line}\n") == "libreswan"
    # whatever is installed
    assert whose(f"{line}\n", STARTER) == "libreswan"


@pytest.mark.parametrize(
    "line",
    [
        "config setup\n\tcharondebug=all",
        "ca x\n\tcacert=x.pem",
        "conn a\n\tleftfirewall=yes",
        "conn a\n\tesp=aes128-sha256!",
        "conn a\n\tesp=aes256gcm16-x25519",
        "conn a\n\tesp=aes128gcm16 # why!",
        "conn a\n\ttype=transport_proxy",
        "conn a\n  leftauth2 = pubkey",
        "conn a\n\tpfs=yes\n\treauth=no\n\tcloseaction=restart",
    ],
)
def test_what_starter_alone_knows(line: str) -> None:
    assert whose(f"{line}\n") == "strongswan"
    assert whose(f"{line}\n", PLUTO) == "strongswan"


@pytest.mark.parametrize("text", ["", "# nothing\n", PLAIN, f"{PLAIN}\tesp=aes128-sha1\n", PFS])
def test_where_nothing_speaks_the_installed_one_has_it(text: str) -> None:
    assert whose(text, PLUTO) == "libreswan"
    assert whose(text, STARTER) == "strongswan"
    for installed in (NOTHING, Installed(PLUTO.programs | STARTER.programs)):
        with pytest.raises(ConfigError, match="nothing tells whose it is") as caught:
            whose(text, installed)
        assert caught.value.hint == "say it: --daemon libreswan or --daemon strongswan"


def test_an_unclear_owner_is_an_error_that_shows_what_speaks_for_whom() -> None:
    text = f"{PLAIN}\tikev2=insist\n\tcloseaction=none\n"
    with pytest.raises(ConfigError) as caught:
        whose(text)
    assert caught.value.message == (
        "/x/ipsec.conf: libreswan and strongSwan read such a file, and for libreswan speaks "
        "line 5; for strongSwan speaks line 6"
    )
    assert whose(text, STARTER) == "strongswan"
    # the more, the clearer
    assert whose(f"{text}\tphase2=esp\n") == "libreswan"


def test_a_long_file_is_judged_by_its_beginning() -> None:
    many = "".join(f"\tleftid=@host{number}\n" for number in range(3000))
    text = f"{PLAIN}\tikev2=insist\n{many}\tcloseaction=none\n\tinactivity=1h\n"
    assert whose(text) == "libreswan"
