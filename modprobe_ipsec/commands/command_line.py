# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a command line -> what is asked for, by the table of options.

As strict as a boot deserves: no abbreviations, nothing that would be ignored. argparse would cost a
fifth of a quick check.
"""

from modprobe_ipsec.base.annotations import Iterator, Mapping, Sequence
from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.commands.options import LOAD, OPTIONS, Option

PROGRAM = "modprobe-ipsec"
# Verbs that say something about the program, and wait for no other word.
_AT_ONCE = ("help", "version")


class Arguments:
    """What was given, by the names of the table; another name is a KeyError."""

    __slots__ = ("_given", "verb")

    def __init__(self, verb: str, given: Mapping[str, tuple[str, ...]]) -> None:
        self.verb = verb
        self._given = {option.name: given.get(option.name, ()) for option in OPTIONS}

    def has(self, name: str) -> bool:
        """Whether the option was given."""
        return bool(self._given[name])

    def value(self, name: str) -> str:
        """Its value, or else its default; empty if it has none."""
        return self._given[name][-1] if self._given[name] else _BY_NAME[name].default

    def values(self, name: str) -> tuple[str, ...]:
        """All its values, in their order; an empty text for each time that a switch was given."""
        return self._given[name]

    def words(self, verb: str) -> list[str]:
        """What another verb would heed of it, as one types it."""
        return [
            f"{option.name}={value}" if option.metavar else option.name
            for option in OPTIONS
            if not option.verb and (not option.verbs or verb in option.verbs)
            for value in self._given[option.name]
        ]


def parse(words: Sequence[str]) -> Arguments:
    """Read a command line. Raises UsageError that names the word that is wrong."""
    given: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    rest = list(reversed(words))
    while rest:
        for option, value in _next(rest, unknown):
            if option.verb in _AT_ONCE:
                return Arguments(option.verb, {})
            given[option.name] = (*given.get(option.name, ()), value)
            _check_value(option, value)
    if unknown:
        raise _unknown(unknown)
    for option in OPTIONS:
        if option.name in given:
            _check_company(option, given)
    chosen = [option for option in OPTIONS if option.verb and option.name in given]
    verbs = [option.verb for option in chosen if not any(name in given for name in option.narrows)]
    return Arguments(verbs[0] if verbs else LOAD, given)


def _next(rest: list[str], unknown: list[str]) -> Iterator[tuple[Option, str]]:
    """Take one word, and the value that belongs to it, from the end of `rest`."""
    word = rest.pop()
    name, equals, value = word.partition("=")
    option = _BY_NAME.get(name)
    if option is None and word[:1] == "-" and word[1:2] not in ("", "-"):
        option = _BY_NAME.get(word[:2])
        if option:
            yield from _cluster(word, rest)
            return
    if word == "--":
        # no option is one behind it, and nothing else is expected
        unknown += [word, *reversed(rest)]
        rest.clear()
    elif option is None:
        unknown.append(word)
    elif not option.metavar:
        if equals:
            raise _usage(f"{name} takes no value")
        yield option, ""
    elif equals:
        yield option, value
    elif rest and not _is_option(rest[-1]):
        yield option, rest.pop()
    elif option.implied:
        yield option, option.implied
    else:
        raise _usage(f"{name}: {option.metavar} is missing")


def _cluster(word: str, rest: list[str]) -> Iterator[tuple[Option, str]]:
    """`-vq`: several short options in one word; the last may have a value, `-xVALUE` as well."""
    found: list[tuple[Option, str]] = []
    for at, letter in enumerate(word[1:], 2):
        option = _BY_NAME.get(f"-{letter}")
        if option is None:
            raise _usage(f"{word}: there is no option -{letter}")
        if option.metavar:
            rest.append(f"{option.name}={word[at:]}" if word[at:] else option.name)
            found += _next(rest, [])
            break
        found.append((option, ""))
    yield from found


def _is_option(word: str) -> bool:
    """A dash alone is a value: standard input."""
    return word.startswith("-") and word != "-"


def _check_value(option: Option, value: str) -> None:
    if not option.metavar:
        return
    if not value:
        raise _usage(f"{option.name}: an empty value")
    if option.choices:
        name = value.partition("=")[0] if option.extended else value
        choices = option.choices()
        if name not in choices:
            raise _usage(f"{option.name} {value}: choose from {', '.join(choices)}")


def _check_company(option: Option, given: Mapping[str, Sequence[str]]) -> None:
    """Refuse whatever would be ignored beside the rest of the command line."""
    values = given[option.name]
    if len({*values}) > 1 and not option.repeatable and not option.replaceable:
        raise _usage(f"{option.name} is given twice: {values[0]} and {values[-1]}")
    for other in OPTIONS:
        if other.name not in given or other is option:
            continue
        if option.name in other.narrows or other.name in option.narrows:
            continue
        both_verbs = option.verb and other.verb
        unheeded = other.verb and option.verbs and other.verb not in option.verbs
        if both_verbs or unheeded or other.name in option.not_with:
            raise UsageError(f"{option.name} does not go with {other.name}", _hint(option))
    chosen = any(other.verb and other.name in given for other in OPTIONS)
    if option.verbs and not chosen and LOAD not in option.verbs:
        wanted = [other.name for other in OPTIONS if other.verb in option.verbs]
        raise UsageError(f"{option.name} goes with {' or '.join(wanted)}", _hint(option))
    if option.only_with and not any(_holds(wanted, given) for wanted in option.only_with):
        wanted = [name.replace("=", " ") for name in option.only_with]
        raise UsageError(f"{option.name} goes with {' or '.join(wanted)}", _hint(option))


def _holds(wanted: str, given: Mapping[str, Sequence[str]]) -> bool:
    """Whether an option is there, with its value if one is named."""
    name, equals, value = wanted.partition("=")
    if not equals:
        return name in given
    return (given[name][-1] if name in given else _BY_NAME[name].default) == value


def _hint(option: Option) -> str:
    return option.hint or f"see {PROGRAM} --help"


def _usage(message: str) -> UsageError:
    return UsageError(message, f"see {PROGRAM} --help")


def _unknown(words: Sequence[str]) -> UsageError:
    from difflib import get_close_matches

    word = words[0]
    if not _is_option(word):
        return _usage(f"{word}: there is no such option, and no value is expected here")
    near = get_close_matches(word.partition("=")[0], _BY_NAME, 1) if len(word) > 3 else ()
    meant = f"; did you mean {near[0]}?" if near else ""
    return _usage(f"there is no option {word}{meant}")


_BY_NAME = {name: option for option in OPTIONS for name in option.names}
