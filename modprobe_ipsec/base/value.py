# SPDX-License-Identifier: GPL-3.0-or-later
"""Immutable values with named fields, and words of a fixed set, for a start-up that counts.

`Value` is typing.NamedTuple made in a third of its time (that one needs `typing`, and compiles a
constructor for each class), `StrEnum` is enum.StrEnum as far as it is used here, without the four
modules that `enum` brings. A type checker sees the originals.
"""

from modprobe_ipsec.base.annotations import Callable, TypeVar

_T = TypeVar("_T")


def once(read: Callable[[], _T]) -> Callable[[], _T]:
    """Reads when first asked, and then remembers: functools.cache without its imports."""
    known: list[_T] = []

    def ask() -> _T:
        if not known:
            known.append(read())
        return known[0]

    return ask


TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import StrEnum
    from typing import NamedTuple as Value
else:
    # what collections.namedtuple itself reads a field with
    from _collections import _tuplegetter

    class _ValueType(type):
        """Makes a tuple of the annotated names of a class body."""

        def __new__(mcs, name, bases, space):
            space["__slots__"] = ()
            if not bases:
                return super().__new__(mcs, name, (tuple,), space)
            fields = tuple(space.get("__annotations__", ()))
            defaults = {field: space[field] for field in fields if field in space}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                raise TypeError(f"{name}: a field without a default follows one with a default")
            for position, field in enumerate(fields):
                space[field] = _tuplegetter(position, None)
            space["_fields"] = space["__match_args__"] = fields
            space["_field_defaults"] = defaults
            return super().__new__(mcs, name, bases, space)

    class Value(metaclass=_ValueType):
        """A tuple whose fields are the annotated names of the class body, with their defaults."""

        _fields = ()
        _field_defaults = {}  # noqa: RUF012 (as in collections.namedtuple)

        def __new__(cls, *values, **named):
            fields = cls._fields
            if len(values) != len(fields) or named:
                if tuple(named) == fields and not values:
                    # all by name, in their order: what most callers do
                    return tuple.__new__(cls, named.values())
                defaults = cls._field_defaults
                try:
                    for field in fields[len(values) :]:
                        values += (named.pop(field) if field in named else defaults[field],)
                except KeyError:
                    raise TypeError(f"{cls.__name__}: no value for `{field}`") from None
                if named or len(values) != len(fields):
                    raise TypeError(f"{cls.__name__} has the fields {', '.join(fields)}")
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, **changes):
            values = tuple(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"{type(self).__name__} has no {', '.join(changes)}")
            return tuple.__new__(type(self), values)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            fields = zip(self._fields, self, strict=True)
            shown = ", ".join(f"{field}={value!r}" for field, value in fields)
            return f"{type(self).__name__}({shown})"

        def __getnewargs__(self):
            return tuple(self)

    class _StrEnumType(type):
        """Makes a member of each text in a class body."""

        def __new__(mcs, name, bases, space):
            texts = {
                key: value
                for key, value in space.items()
                if type(value) is str and not key.startswith("_")
            }
            rest = {key: value for key, value in space.items() if key not in texts}
            cls = super().__new__(mcs, name, bases or (str,), rest)
            cls._members = {}
            for key, text in texts.items():
                member = str.__new__(cls, text)
                member.name, member.value = key, text
                cls._members[text] = member
                setattr(cls, key, member)
            return cls

        def __call__(cls, value):
            try:
                return cls._members[value]
            except KeyError:
                raise ValueError(f"{value!r} is no {cls.__name__}") from None

        def __iter__(cls):
            return iter(cls._members.values())

        def __len__(cls):
            return len(cls._members)

    class StrEnum(metaclass=_StrEnumType):
        """Texts of a fixed set: one object for each, so that `is` compares them."""

        def __repr__(self):
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"

        def __reduce__(self):
            return type(self), (self.value,)


__all__ = ["StrEnum", "Value", "once"]
