# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong, as types: one line for the user, a hint, an exit code.

Only `commands` turns one of these into output and an exit status.
"""

__all__ = [
    "Bug",
    "ConfigError",
    "Error",
    "MissingModule",
    "NoPermission",
    "OutOfTime",
    "UsageError",
    "as_error",
]


class Error(Exception):
    """Something that ends the run.

    `message` says what is wrong and where, `hint` what to do about it (may be empty); `kind` is for
    programs.
    """

    exit_code = 3
    kind = "other"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(Error):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 64
    kind = "usage"


class NeedUnmet(Error):
    """There is nothing to do because a need is blocked or missing."""

    exit_code = 2
    kind = "need unmet"


class NothingToWrite(Error):
    """All is well, and a file that was asked for would be empty."""

    exit_code = 4
    kind = "nothing to write"


class NoPermission(Error):
    """The caller may not do what the action needs."""

    exit_code = 77
    kind = "permission"


class ConfigError(Error):
    """A file that we must understand cannot be read or understood."""

    exit_code = 78
    kind = "configuration"


class Bug(Error):
    """What should never happen, found out by ourselves or by Python."""

    exit_code = 70
    kind = "bug"


class MissingModule(Error):
    """A module of Python's own, or a library, is not installed: small systems leave some out."""


class OutOfTime(BaseException):
    """The processor time of a reading is spent. No Exception, which a reader could catch."""


_OURS = "modprobe_ipsec"


def as_error(error: Exception) -> Error:
    """The error itself, or the bug that any other exception is."""
    if isinstance(error, Error):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(_OURS):
        name = error.name.partition(".")[0].lstrip("_")
        return MissingModule(
            f"Python's module {name} is missing here, and this cannot be done without",
            f"install it (OpenWrt: opkg install python3-{name}, or apk add python3-{name}); "
            "--check needs none but Python itself",
        )
    what = f"internal error: {type(error).__name__}: {error}"
    return Bug(what, "please report it, with what --debug says and a --record")
