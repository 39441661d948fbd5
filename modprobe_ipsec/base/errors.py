# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong, as types: one line for the user, a hint, an exit code.

Only `commands.main` turns one of these into output and an exit status.
"""


class Error(Exception):
    """Something that ends the run.

    `message` says what is wrong and where, `hint` what to do about it (may be empty).
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(Error):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 64


class NoPermission(Error):
    """The caller may not do what the action needs."""

    exit_code = 77


class ConfigError(Error):
    """A file that we must understand cannot be read or understood."""

    exit_code = 78
