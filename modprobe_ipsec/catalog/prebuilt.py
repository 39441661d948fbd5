# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog as the source of a Python module, for a wheel: checked once, when it is built.

Reading YAML takes longer than all the rest of a start-up, and even from what YAML parses to,
checking and typing it takes a tenth of one.
"""

from modprobe_ipsec.base.annotations import Any, Mapping
from modprobe_ipsec.base.value import StrEnum
from modprobe_ipsec.catalog.model import Catalog, Transform


def source(catalog: Catalog) -> str:
    """Python that makes an equal catalog, as `CATALOG`."""
    writer = _Writer()
    whole = writer.write(catalog)
    imports = [
        f"from {module} import {', '.join(sorted(names))}\n"
        for module, names in sorted(writer.names.items())
    ]
    # one object for each transform: they compare by identity
    transforms = [f"{name} = {text}\n" for name, text in writer.transforms.values()]
    return "".join([*imports, *transforms, f"CATALOG = {whole}\n"])


class _Writer:
    """Writes values down, and remembers what has to be imported for them."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}
        # By its own name: the variable, and what it is set to.
        self.transforms: dict[str, tuple[str, str]] = {}

    def write(self, value: object) -> str:
        """An expression."""
        if isinstance(value, StrEnum):
            return f"{self._name(value)}.{value.name}"
        if isinstance(value, Transform):
            if value.name not in self.transforms:
                variable = f"t{len(self.transforms)}"
                self.transforms[value.name] = variable, self._call(value)
            return self.transforms[value.name][0]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._call(value)
        if isinstance(value, tuple):
            return f"({''.join(f'{self.write(part)}, ' for part in value)})"
        if isinstance(value, frozenset):
            return f"frozenset([{', '.join(map(self.write, sorted(value)))}])"
        if isinstance(value, Mapping):
            rows = (f"{self.write(key)}: {self.write(row)}" for key, row in value.items())
            return f"{{{', '.join(rows)}}}"
        if value is None or isinstance(value, str | int):
            return repr(value)
        raise TypeError(f"nobody knows how to write {value!r}")

    def _call(self, value: tuple[Any, ...]) -> str:
        return f"{self._name(value)}({', '.join(map(self.write, value))})"

    def _name(self, value: object) -> str:
        kind = type(value)
        self.names.setdefault(kind.__module__, set()).add(kind.__name__)
        return kind.__name__
