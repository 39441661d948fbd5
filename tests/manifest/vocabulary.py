# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that a manifest may be made of, as questions to a line and as a schema."""

import re

from modprobe_ipsec.base.value import Value
from modprobe_ipsec.manifest.requirements import CAPABILITIES, DEVICES, FORWARDING, PORTS

_IMAGE = re.compile(r"example\.org/[a-z-]+:[0-9]+")
# The only switches that are set.
_VALUES = ("0", "1")


class Vocabulary(Value):
    """The known words, with the modules (or requests) of one plan.

    A question is answered with what is wrong, or with nothing.
    """

    modules: frozenset[str]

    def as_schema(self) -> dict[str, object]:
        """The same words for JSON Schemas: what `words.json` stands for."""
        module = "|".join(re.escape(name) for name in sorted(self.modules)) or "(?!)"
        ports = [f"{port.partition('/')[0]}:{port}" for port in PORTS]
        sysctls = {
            "propertyNames": {"$ref": "#/$defs/sysctl"},
            "additionalProperties": {"$ref": "#/$defs/switch"},
        }
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "words.json",
            "$defs": {
                "module": {"enum": sorted(self.modules)},
                "module_list": {"pattern": f"^(?:{module})(?: (?:{module}))*$"},
                "module_commas": {"pattern": f"^(?:{module})(?:,(?:{module}))*$"},
                "capability": {"enum": list(CAPABILITIES)},
                "sysctl": {"enum": list(FORWARDING.values())},
                "switch": {"enum": list(_VALUES)},
                "sysctls": {"type": "object", **sysctls},
                "port": {"enum": ports},
                "device": {"enum": list(DEVICES)},
                "image": {"type": "string", "pattern": f"^{_IMAGE.pattern}$"},
            },
        }

    def module(self, word: object) -> str:
        """A module of the plan."""
        return "" if word in self.modules else f"`{word}` is no module of this plan"

    def module_list(self, text: object) -> str:
        """Modules with blanks or commas between them."""
        found = (self.module(word) for word in str(text).replace(",", " ").split())
        return next((problem for problem in found if problem), "")

    def capability(self, word: object) -> str:
        """A capability that the daemon's container may have."""
        return "" if word in CAPABILITIES else f"`{word}` is no capability of an IKE daemon"

    def capability_list(self, text: object) -> str:
        """Capabilities with blanks between them."""
        found = (self.capability(word) for word in str(text).split())
        return next((problem for problem in found if problem), "")

    def sysctl(self, key: object) -> str:
        """A sysctl that is set."""
        return "" if key in FORWARDING.values() else f"`{key}` is no sysctl that is set here"

    def switch(self, value: object) -> str:
        """The value of such a sysctl, as a text."""
        return "" if value in _VALUES else f"`{value}` is neither 0 nor 1 (as a text)"

    def port(self, text: object) -> str:
        """500:500/udp"""
        outside, _, inside = str(text).partition(":")
        known = inside in PORTS and inside.partition("/")[0] == outside
        return "" if known else f"`{text}` publishes no port of IKE"

    def device(self, path: object) -> str:
        """A device node."""
        return "" if path in DEVICES else f"`{path}` is no device of an IKE daemon"

    def image(self, name: object) -> str:
        """A stand-in for an image, that the reader replaces."""
        return "" if _IMAGE.fullmatch(str(name)) else f"`{name}` is no stand-in for an image"
