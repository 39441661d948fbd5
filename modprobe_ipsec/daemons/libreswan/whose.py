# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose ipsec.conf it is: libreswan and strongSwan share the name of the file."""

from modprobe_ipsec.daemons.libreswan.lines import WORD

# Who alone knows these. source: the keyword tables of both (libreswan keywords.c; strongSwan
# src/starter/keywords.txt, args.c)
_LIBRESWAN = """
protostack logfile logappend logtime logip nssdir dumpdir ikev1-policy listen-tcp listen-udp
virtual-private ddos-mode seccomp dnssec-enable nhelpers ocsp-enable crl-strict audit-log
shuntlifetime phase2 phase2alg ikev2 esn nic-offload ipsec-interface vti-interface nflog
nflog-group nflog-all enable-tcp sha2-truncbug salifetime ipsec-lifetime replay-window narrowing
encapsulation leftaddresspool rightaddresspool leftxauthserver rightxauthserver leftxauthclient
rightxauthclient leftmodecfgserver rightmodecfgserver leftmodecfgclient rightmodecfgclient
leftsubnets rightsubnets modecfgpull initial-contact sec-label policy-label iptfs
retransmit-timeout ignore-peer-dns remote-peer-type hostaddrfamily negotiationshunt failureshunt
"""
_STRONGSWAN = """
charondebug cachecrls charonstart eap_identity aaa_identity leftfirewall rightfirewall
lefthostaccess righthostaccess leftauth2 rightauth2 leftid2 rightid2 leftcert2 rightcert2 leftca2
rightca2 leftgroups rightgroups leftdns rightdns leftallowany rightallowany leftcertpolicy
rightcertpolicy leftsigkey rightsigkey closeaction inactivity installpolicy ikedscp lifebytes
lifepackets marginbytes marginpackets margintime mark_in mark_out mediated_by mediation me_peerid
replay_window sha256_96 crluri crluri1 crluri2 ocspuri xauth_identity modeconfig
signature_authentication
"""


def looks_like(text: str) -> bool | None:
    """Whether a file holds what only libreswan knows (True) or only strongSwan (False).

    None where it holds neither, or as much of either: then only its place tells whose it is.
    """
    libreswan, strongswan = frozenset(_LIBRESWAN.split()), frozenset(_STRONGSWAN.split())
    score = 0
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            word = WORD.match(line.lstrip(" \t"))
            key = word[0].lower() if word else ""
            score += (key in libreswan) - (key in strongswan)
        elif line.startswith(("ca ", "ca\t")):
            score -= 1
    return None if score == 0 else score > 0
