# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile files are read in a process of their own, which may do nothing else.

Whoever loads modules gets what is needed from it as a message, and takes it for hostile too.
"""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.errors import Bug, ConfigError, Error, NoPermission, UsageError, as_error
from modprobe_ipsec.base.text import reason
from modprobe_ipsec.catalog.model import Catalog
from modprobe_ipsec.daemons.handover import from_message, to_message
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.kernel import child
from modprobe_ipsec.kernel.unprivileged import MEMORY, only_read

# Seconds for all of it; a thousand connections take less than one.
_LIMIT = 20.0
_ERRORS = {kind.exit_code: kind for kind in (Error, UsageError, NoPermission, ConfigError)}


def read_apart(read: Callable[[], Demand], catalog: Catalog) -> Demand:
    """What `read` gives, or the Error that it raises, from a child without capabilities.

    A bug in it is raised as Bug, with its traceback as a note. Raises ConfigError if it takes too
    long or too much memory.
    """
    said: list[child.Message] = []
    ending = child.run(lambda send: _read(read, send), said.append, _LIMIT, whole=True)
    match said[0] if said else ():
        case ["demand", message]:
            try:
                return from_message(message, catalog)
            except ValueError as error:
                raise Bug(f"internal error: what was read cannot be handed over: {error}") from None
        case ["error", int(code), str(message), str(hint)] if code in _ERRORS:
            raise _ERRORS[code](message, hint)
        case ["bug", str(message), str(hint), str(trace)]:
            bug = Bug(message, hint)
            bug.add_note(trace)
            raise bug
    if ending.late:
        raise ConfigError(f"the configuration takes more than {_LIMIT:g} s to read")
    raise Error(f"the process that reads the configuration {ending.why or 'said nothing'}")


def _read(read: Callable[[], Demand], send: child.Send) -> None:
    try:
        try:
            only_read()
        except OSError as error:
            raise Error(f"no process without capabilities can be made: {reason(error)}") from None
        message = to_message(read())
    except MemoryError:
        why = f"the configuration takes more than {MEMORY >> 20} MB of memory to read"
        send(["error", ConfigError.exit_code, why, ""])
    except Error as error:
        send(["error", error.exit_code, error.message, error.hint])
    except Exception as error:
        from traceback import format_exc

        bug = as_error(error)
        send(["bug", bug.message, bug.hint, format_exc()])
    else:
        send(["demand", message])
