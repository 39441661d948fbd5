# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a proposal, told so that it can be put right."""

from modprobe_ipsec.base.annotations import Collection
from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.catalog.model import Vocabulary
from modprobe_ipsec.daemons.common.descriptor import Daemon

# Characters of a text that a message shows. Proposals may be long, and they may be hostile.
_SHOWN = 60


class ProposalError(UsageError):
    """A proposal that cannot be read.

    `token` stands at character `position` (from 0) of `text`; `nearest` is the known word most
    like it, or empty. `daemon` is the one whose language this is no word of, None for all.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        text: str,
        token: str,
        position: int = 0,
        nearest: str = "",
        daemon: Daemon | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.text, self.token, self.position = text, token, position
        self.nearest, self.daemon = nearest, daemon


class ProposalSyntaxError(Exception):
    """A parser stops: what is wrong with which token, and the words that could stand there.

    The light form of ProposalError, for callers that may try another parser.
    """

    def __init__(
        self, problem: str, token: str, position: int, known: Collection[str] = ()
    ) -> None:
        super().__init__(problem)
        self.problem, self.token, self.position, self.known = problem, token, position, known

    def explain(self, text: str, daemon: Daemon | None) -> ProposalError:
        """The error for the user; looks for the known word that is most like the token."""
        whose = daemon.title if daemon else "any daemon"
        where = f"character {self.position + 1} of `{show(text, self.position)}`"
        nearest = _nearest(self.token, self.known)
        what = f"`{show(self.token)}`" if self.token else "nothing"
        return ProposalError(
            f"{what} {self.problem} ({where}, read as {whose}'s){_question(nearest)}",
            text=text,
            token=self.token,
            position=self.position,
            nearest=nearest,
            daemon=daemon,
        )

    def told(self, daemon: Daemon, vocabulary: Vocabulary) -> str:
        """What is wrong in a file, which may hold anybody's secrets: it is not quoted.

        Nothing of it is said but words that the daemon knows.
        """
        word = self.token.lower()
        name = word.rstrip("0123456789").rstrip("_")
        known = {*vocabulary.words, *vocabulary.key_exchange, *vocabulary.prf}
        known |= vocabulary.refused
        what = f"`{word}`" if name in known or word in known else "a word of it"
        where = f"at character {self.position + 1}, read as {daemon.title}'s"
        nearest = _question(_nearest(self.token, self.known))
        return f"{what if word else 'nothing'} {self.problem} ({where}){nearest}"


def show(text: str, position: int = 0) -> str:
    """One short line: what does not print is escaped, a long text is cut around `position`."""
    if len(text) > _SHOWN:
        start = min(max(0, position - _SHOWN // 2), len(text) - _SHOWN)
        end = start + _SHOWN
        text = "..." * (start > 0) + text[start:end] + "..." * (end < len(text))
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _question(nearest: str) -> str:
    return f"; did you mean `{nearest}`?" if nearest else ""


def _nearest(token: str, known: Collection[str]) -> str:
    """The most similar word, if any is similar."""
    # A misspelling keeps the length, about; difflib would take long over all the others.
    words = [word for word in known if word != token and abs(len(word) - len(token)) < 4]
    if not words:
        return ""
    # here, since it takes longer than all the rest: most runs have no error
    from difflib import get_close_matches

    return next(iter(get_close_matches(token.lower(), words, 1)), "")
