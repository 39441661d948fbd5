# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the files of `data/` that come with this package."""

from pathlib import Path

from modprobe_ipsec.errors import ConfigError

# In a wheel the map lies inside the package, in the repository beside it.
_PLACES = (Path(__file__).parent.parent / "data", Path(__file__).parent.parent.parent / "data")


def read_data(names: tuple[str, ...]) -> dict[str, str]:
    """Read `data/NAME.yaml` for each name. Raises ConfigError where one is missing."""
    for place in _PLACES:
        if place.is_dir():
            break
    else:
        raise ConfigError("the map (data/*.yaml) is missing", "reinstall modprobe-ipsec")
    try:
        return {name: (place / f"{name}.yaml").read_text(encoding="utf-8") for name in names}
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}", "reinstall modprobe-ipsec"
        ) from None
