# SPDX-License-Identifier: GPL-3.0-or-later
"""Immutable values with named fields: typing.NamedTuple, made in a third of its time.

NamedTuple alone was a tenth of a quick check: it needs `typing`, and compiles a constructor for
each class. A type checker sees the original.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
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


__all__ = ["Value"]
