# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the files of `data/` that come with this package."""

import os

from modprobe_ipsec.base.errors import ConfigError

# In a wheel the map lies inside the package, in the repository beside it.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
_PLACES = (f"{_PACKAGE}/data", f"{os.path.dirname(_PACKAGE)}/data")  # noqa: PTH120


def read_data(names: tuple[str, ...]) -> dict[str, str]:
    """Read `data/NAME.yaml` for each name. Raises ConfigError where one is missing."""
    place = _place()
    texts = {}
    try:
        for name in names:
            with open(f"{place}/{name}.yaml", encoding="utf-8") as file:  # noqa: PTH123
                texts[name] = file.read()
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        raise ConfigError(message, "reinstall modprobe-ipsec") from None
    return texts


def daemon_names() -> tuple[str, ...]:
    """NAME of each data/daemons/NAME.yaml. Raises ConfigError where there is none at all."""
    return _names("daemons")


def glossary_names() -> tuple[str, ...]:
    """NAME of each data/glossary/NAME.yaml. Raises ConfigError where there is none at all."""
    return _names("glossary")


def _names(below: str) -> tuple[str, ...]:
    directory = f"{_place()}/{below}"
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208
    except OSError as error:
        message = f"{directory}: {error.strerror}"
        raise ConfigError(message, "reinstall modprobe-ipsec") from None
    return tuple(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _place() -> str:
    return next((place for place in _PLACES if os.path.isdir(place)), _PLACES[0])  # noqa: PTH112
