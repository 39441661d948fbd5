# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proposal parsers share: the limit, and splitting with a memory for places."""

from modprobe_ipsec.base.annotations import Iterator
from modprobe_ipsec.daemons.common.errors import ProposalError

# Characters. It alone bounds the parsers: their work grows with the text, and what they find is
# never more than the combinations of the map.
MAX_LENGTH = 4096


def check_length(text: str) -> None:
    """Raise ProposalError for what is too long to be a proposal."""
    if len(text) > MAX_LENGTH:
        problem = f"a proposal of {len(text)} characters is too long: {MAX_LENGTH} are read"
        raise ProposalError(problem, text=text, token=text)


def split(text: str, separator: str) -> Iterator[tuple[int, str]]:
    """Split as str.split does, with the position of each part."""
    position = 0
    for part in text.split(separator):
        yield position, part
        position += len(part) + len(separator)
