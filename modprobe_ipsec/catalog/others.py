# SPDX-License-Identifier: GPL-3.0-or-later
"""data/others.yaml: programs besides the IKE daemons that have to do with IPsec."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.catalog.model import Feature, OtherProgram, Transform
from modprobe_ipsec.catalog.row import Row


def other_program(
    row: Row, transforms: Mapping[str, Transform], features: Mapping[str, Feature]
) -> OtherProgram:
    """A row of data/others.yaml. Raises ConfigError with file and line."""
    words = row.sub("words") if "words" in row else None
    writes = row.sub("writes").rows() if "writes" in row else ()
    found = OtherProgram(
        title=row.take("title", str),
        programs=row.texts("programs"),
        files=row.texts("files", []),
        nothing=row.take("nothing", str, ""),
        asks=row.texts("asks", []),
        marks=row.texts("marks", []),
        units=row.texts("units", []),
        file=row.take("file", str, ""),
        writes={daemon: said.words() for daemon, said in writes},
        words=_words(words, transforms) if words else {},
    )
    for name in found.asks:
        if name not in features:
            raise row.error(f"no feature {row.quoted(name)}", "asks")
    row.done()
    return found


def _words(row: Row, transforms: Mapping[str, Transform]) -> dict[str, Transform]:
    found: dict[str, Transform] = {}
    for name in row.table:
        if name not in transforms:
            raise row.error(f"no transform {row.quoted(name)}", name)
        found |= dict.fromkeys(row.texts(name), transforms[name])
    return found
