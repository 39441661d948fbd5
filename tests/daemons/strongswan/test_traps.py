# SPDX-License-Identifier: GPL-3.0-or-later
"""What strongSwan's parsers take and reject, so do we; the oracle shows that they do."""

import pytest

from modprobe_ipsec.base.errors import ConfigError

from .common import IPSEC, SWANCTL, read
from .traps import IPSEC_REJECTED, IPSEC_TAKEN, SWANCTL_REJECTED, SWANCTL_TAKEN

TAKEN = [(SWANCTL, text) for text in SWANCTL_TAKEN] + [(IPSEC, text) for text in IPSEC_TAKEN]
REJECTED = [(SWANCTL, text) for text in SWANCTL_REJECTED]
REJECTED += [(IPSEC, text) for text in IPSEC_REJECTED]


@pytest.mark.parametrize(("path", "text"), TAKEN)
def test_taken(path: str, text: str) -> None:
    read({path: text})


@pytest.mark.parametrize(("path", "text"), REJECTED)
def test_rejected(path: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read({path: text})
    assert caught.value.message.startswith(f"{path}:")
    assert caught.value.hint
