# SPDX-License-Identifier: GPL-3.0-or-later
"""data/architectures.yaml -> `Architecture`; the file itself says what each key is for."""

from modprobe_ipsec.catalog.model import COMPAT, Architecture, CpuModule, ModuleRequest
from modprobe_ipsec.catalog.row import Row


def read_architectures(rows: Row) -> dict[str, Architecture]:
    """All rows by name. Raises ConfigError that names file and line."""
    whole: dict[str, dict[str, object]] = {}
    found: dict[str, Architecture] = {}
    by_config: dict[tuple[str, ...], str] = {}
    for name, row in rows.rows():
        whole[name] = dict(row.rest)
        if "as" in row:
            other = row.take("as", str)
            if other not in found:
                raise row.error(f"`as` names a row above, and `{other}` is none", "as")
            row.rest = whole[name] = {**whole[other], **row.rest}
        found[name] = architecture = _architecture(row)
        twin = by_config.setdefault(tuple(sorted(architecture.config)), name)
        if twin != name:
            raise row.error(f"the same kernel options tell `{twin}`", "config")
    return found


def _architecture(row: Row) -> Architecture:
    uname, config, bits = row.texts("uname"), row.texts("config"), row.take("bits", int)
    if not uname or not config or bits not in (32, 64):
        raise row.error("`uname` and `config` must name something, and `bits` is 32 or 64")
    architecture = Architecture(
        uname=uname,
        config=config,
        directory=row.take("arch", str),
        bits=bits,
        modalias=row.take("modalias", str, ""),
        compat=_compat(row),
        words=_lists(row, "words"),
        whole=_lists(row, "whole"),
        modules=_modules(row),
        told_beforehand=row.texts("told_beforehand", []),
        told_afterwards=row.texts("told_afterwards", []),
        stays_out=frozenset(row.texts("stays_out", [])),
        packages=row.sub("packages").words() if "packages" in row else {},
    )
    row.done()
    return architecture


def _compat(row: Row) -> ModuleRequest | None:
    if not row.rest.get("compat"):
        # `{}`: not even if the row above has it
        row.leave("compat")
        return None
    sub = row.sub("compat")
    compat = ModuleRequest(
        alias=COMPAT,
        module=sub.take("module", str),
        config=sub.take("config", str),
        title="messages of 32-bit programs",
    )
    sub.done()
    return compat


def _modules(row: Row) -> dict[str, CpuModule]:
    found = {}
    for name, sub in row.sub("modules").rows() if "modules" in row else ():
        found[name] = CpuModule(
            registers=sub.texts("registers", []),
            fallback=sub.texts("fallback", []),
            flags=sub.texts("flags") if "flags" in sub else None,
            cpu=sub.take("cpu", str, ""),
        )
        sub.done()
    return found


def _lists(row: Row, key: str) -> dict[str, tuple[str, ...]]:
    if key not in row:
        return {}
    sub = row.sub(key)
    return {word: sub.texts(word) for word in sub.table}
