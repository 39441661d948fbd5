# SPDX-License-Identifier: GPL-3.0-or-later
"""data/profiles.yaml -> typed, checked: a mistake names its file and line."""

from modprobe_ipsec.base.annotations import Mapping
from modprobe_ipsec.catalog.model import Profile, Transform
from modprobe_ipsec.catalog.row import Row


def read_profiles(
    row: Row, transforms: Mapping[str, Transform]
) -> tuple[dict[str, Profile], Profile]:
    """The profiles by name, and the notes. Raises ConfigError."""
    profiles = {name: _profile(sub, transforms) for name, sub in row.sub("profiles").rows()}
    notes = row.sub("notes")
    like = notes.take("like", str)
    if like not in profiles:
        raise notes.error(f"`{like}` is no profile", "like")
    against = {**profiles[like].against, **_against(notes, transforms)}
    notes.done()
    return profiles, profiles[like]._replace(against=against)


def _profile(row: Row, transforms: Mapping[str, Transform]) -> Profile:
    if "against" not in row and "allows" not in row:
        raise row.error("a profile has `against` or `allows`")
    allows = _allows(row.sub("allows"), transforms) if "allows" in row else {}
    profile = Profile(
        title=row.take("title", str),
        against=_against(row, transforms) if "against" in row else {},
        allows=allows,
        otherwise=row.take("otherwise", str) if allows else "",
        unauthenticated=row.take("unauthenticated", str, ""),
    )
    row.done()
    return profile


def _against(row: Row, transforms: Mapping[str, Transform]) -> dict[str, str]:
    sub = row.sub("against")
    said = sub.words()
    for name, text in said.items():
        _known(name, sub, transforms)
        if not text.endswith(")"):
            raise sub.error("what is said must end with its source, in parentheses", name)
    return said


def _allows(row: Row, transforms: Mapping[str, Transform]) -> dict[str, tuple[int, ...]]:
    found = {}
    for name in tuple(row.rest):
        transform = _known(name, row, transforms)
        keys = row.take(name, list)
        for bits in keys:
            if bits not in transform.key_bits:
                raise row.error(f"`{name}` has no keys of {bits} bits", name)
        found[name] = tuple(keys)
    return found


def _known(name: str, row: Row, transforms: Mapping[str, Transform]) -> Transform:
    if name not in transforms:
        raise row.error(f"`{name}` is no transform of transforms.yaml", name)
    return transforms[name]
