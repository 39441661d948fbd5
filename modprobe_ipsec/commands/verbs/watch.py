# SPDX-License-Identifier: GPL-3.0-or-later
"""--watch: tell what changes while the host runs, until it is ended."""

import json
import time

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.commands.command_line import Arguments
from modprobe_ipsec.commands.output import put
from modprobe_ipsec.kernel import child
from modprobe_ipsec.watch.event import Level, Told, as_data, as_journal, as_line
from modprobe_ipsec.watch.loop import Loop

# How long --once looks (seconds): counters that rise, packets that come.
_ONCE = 3.0
_LONGEST = 10 * 365 * 86400


def run(arguments: Arguments) -> int:
    """0; with --once, what the readiness would give, and 1 at least if anything needs somebody."""
    form = _format(arguments.value("--format"))
    seconds = _seconds(arguments.value("--for"))
    once = arguments.has("--once")

    def look(send: child.Send) -> None:
        # more than all of the watch: only the child needs it
        from modprobe_ipsec.commands.look import look

        look(arguments, send)

    loop = Loop(look)

    def tell(event: Told) -> None:
        # who looks once wants to hear of trouble, and by mail
        if not once or event.level is not Level.INFO:
            put(form(event) + "\n")

    for event in loop.open(arguments.value("--witness")):
        tell(event)
    for event in loop.run(_ONCE if once else seconds):
        tell(event)
    if not once:
        return 0
    return loop.core.look.exit_code or int(loop.worst in (Level.ERROR, Level.WARNING))


def _format(name: str) -> Callable[[Told], str]:
    formats = {"text": _text, "journal": as_journal, "json": _json}
    if name not in formats:
        raise UsageError(f"--watch goes with --format {', '.join(formats)}", "")
    return formats[name]


def _text(event: Told) -> str:
    level = "" if event.level is Level.INFO else f"{event.level}: "
    return f"{time.strftime('%H:%M:%S')} {level}{as_line(event)}"


def _json(event: Told) -> str:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return json.dumps(as_data(event, f"{stamp}.{int(now * 1000) % 1000:03}Z"))


def _seconds(text: str) -> float | None:
    if not text:
        return None
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 12:
        raise UsageError(f"--for {text}: a number of seconds is expected", "")
    return min(float(text), _LONGEST)
