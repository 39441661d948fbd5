# SPDX-License-Identifier: GPL-3.0-or-later
"""Features that are no SAs: what is asked, what is not, and the modes of SAs."""

import pytest

from modprobe_ipsec.catalog.model import Family, Protocol
from modprobe_ipsec.kernel import netlink
from modprobe_ipsec.kernel.features import askable
from modprobe_ipsec.kernel.prover import prove
from modprobe_ipsec.kernel.sa import sa_for
from modprobe_ipsec.kernel.xfrm import USERSA_INFO, pack
from modprobe_ipsec.needs.need import FeatureNeed, Mode
from modprobe_ipsec.needs.proof import Answer, Proof
from modprobe_ipsec.plan.meaning import explain
from tests.kernel.sample import need
from tests.shipped import CATALOG

FEATURES = [
    FeatureNeed(name, family)
    for name, feature in CATALOG.features.items()
    for family in feature.requests
]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.label)
def test_every_feature_is_asked_for_or_says_why_not(feature: FeatureNeed) -> None:
    assert askable(feature) is not bool(CATALOG.features[feature.feature].unproven)


def test_what_is_not_asked_is_not_asked() -> None:
    unasked = [feature for feature in FEATURES if not askable(feature)]
    proofs = prove(unasked)
    assert {proof.answer for proof in proofs.proofs} == {Answer.NOT_ASKED}
    # nothing to ask, so nobody asked
    assert proofs.socket is None


def test_this_kernel_has_the_socket_and_no_xfrm_interface() -> None:
    socket, interface = prove(
        [FeatureNeed("xfrm_socket", None), FeatureNeed("xfrm_interface", None)]
    ).proofs
    assert socket.answer in (Answer.ACCEPTED, Answer.NOT_ASKED)
    assert interface.answer in (Answer.ACCEPTED, Answer.REFUSED, Answer.NOT_ASKED)


def test_a_refused_feature_is_named() -> None:
    said = explain(Proof(FeatureNeed("ip_vti", Family.IPV6), Answer.REFUSED, 95))
    assert "ip_vti IPv6" in said and "errno 95" in said


@pytest.mark.parametrize(
    ("mode", "number", "flags", "attributes"),
    [
        (Mode.TUNNEL, 1, 32, 1),
        (Mode.TRANSPORT, 0, 0, 1),
        (Mode.BEET, 4, 0, 1),
        # IP-TFS needs a direction
        (Mode.IPTFS, 5, 32, 2),
    ],
)
def test_modes(mode: Mode, number: int, flags: int, attributes: int) -> None:
    wanted = need(Protocol.ESP, "AES_GCM_16")._replace(mode=mode)
    message = pack(sa_for(wanted, 0))
    *_, in_it, _, its_flags = USERSA_INFO.unpack_from(message)
    assert (in_it, its_flags) == (number, flags)
    assert len(netlink.attributes(message[USERSA_INFO.size :])) == attributes
