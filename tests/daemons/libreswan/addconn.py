# SPDX-License-Identifier: GPL-3.0-or-later
"""libreswan's own start, of 4.10 and 5.2: the connections that `addconn --autoall` gives pluto.

From Debian's packages, as `algparse`. The test plays pluto: it takes what comes through its socket.
"""

import re
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemons.libreswan.algparse import libreswan
from tests.daemons.libreswan.readwriteconf import VERSIONS, Crash
from tests.debs import OracleError, start


@dataclass
class Start:
    """What came of a start. `added` is None if the file was refused."""

    added: list[str] | None
    # What was sent; the texts of a connection stand in it between NULs.
    sent: list[bytes]
    messages: str

    def says(self, name: str, text: str = "") -> bool:
        """Whether a connection was sent, with this text among its own if one is given."""
        return any(self._says(message, name.encode(), text.encode()) for message in self.sent)

    @staticmethod
    def _says(message: bytes, name: bytes, text: bytes) -> bool:
        # leftsubnets= makes several of one: name/0x1
        if not re.search(rb"(?<![\x21-\x7e])%b(?:/\dx\d)?\x00" % re.escape(name), message):
            return False
        # whoever is told to bring a connection up says no more than its name
        texts = re.findall(rb"(?<=\x00)[\x20-\x7e]+(?=\x00)", message)
        return (
            text in texts if text else any(len(other) > 2 and name not in other for other in texts)
        )


class Addconn:
    """One release of `addconn`, fetched when it is first needed."""

    def __init__(self, suite: str) -> None:
        self.version = VERSIONS[suite]
        self._root = libreswan(suite)

    def autoall(self, files: Mapping[str, str], names: Collection[str] = ()) -> Start:
        """Start with /etc/ipsec.conf of these files, which have connections of these names."""
        with tempfile.TemporaryDirectory() as directory, _pluto(f"{directory}/ctl") as sent:
            for path, text in files.items():
                place = Path(directory + path)
                place.parent.mkdir(parents=True, exist_ok=True)
                moved = re.sub(
                    r"^(include[ \t]+)/", rf"\g<1>{directory}/", text, flags=re.MULTILINE
                )
                place.write_bytes(moved.encode())
            program = start(self._root, "usr/libexec/ipsec/addconn")
            arguments = ("--verbose", "--autoall", "--ctlsocket", f"{directory}/ctl")
            done = subprocess.run(
                [*program, *arguments, "--config", f"{directory}/etc/ipsec.conf"],
                capture_output=True,
                cwd=directory,
                timeout=60,
            )
        messages = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode == -signal.SIGSEGV:
            raise Crash
        if " #1: " not in messages:
            if done.returncode == 0:
                raise OracleError(f"addconn {self.version}: {messages}")
            return Start(None, [], messages)
        tried = self._names(done.stdout.decode(errors="replace"), frozenset(names))
        began = Start([], sent, messages)
        return Start([name for name in tried if began.says(name)], sent, messages)

    def _names(self, output: str, known: Collection[str]) -> Iterator[str]:
        """The connections that were tried, in order, without what failed at once."""
        tried = output.partition(" #1: ")[2].partition("\n")[2].partition(" #2: ")[0]
        indent = " " if self.version < (5, 0) else "    "
        name = ""
        for line in tried.split("\n"):
            if line.startswith(indent) and line[len(indent) :] in known:
                if name:
                    yield name
                name = line[len(indent) :]
            elif line.startswith("Failed to load connection"):
                name = ""
        if name:
            yield name


@contextmanager
def _pluto(path: str) -> Iterator[list[bytes]]:
    """A socket that takes messages, one a connection, and answers nothing."""
    messages: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)

        def take() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    # a message comes in one piece
                    messages.append(connection.recv(1 << 20))

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield messages
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
