# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line is read as argparse would read the table, and nothing in it is ignored."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modprobe_ipsec.base.errors import UsageError
from modprobe_ipsec.commands import verbs
from modprobe_ipsec.commands.command_line import parse
from modprobe_ipsec.commands.options import GROUPS, LOAD, OPTIONS, Option
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.report import formats

BY_NAME = {option.name: option for option in OPTIONS}


class Refused(Exception):
    pass


class Oracle(argparse.ArgumentParser):
    """argparse over the table."""

    def __init__(self) -> None:
        super().__init__(prog="modprobe-ipsec", allow_abbrev=False, add_help=False)
        for option in OPTIONS:
            if option.verb in ("help", "version"):
                self.add_argument(*option.names, dest=option.name, action=AtOnce, nargs=0)
            elif not option.metavar:
                self.add_argument(*option.names, dest=option.name, action="append_const", const="")
            else:
                more: Any = {"nargs": "?", "const": option.implied} if option.implied else {}
                self.add_argument(
                    *option.names, dest=option.name, action="append", type=checked(option), **more
                )

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


class AtOnce(argparse.Action):
    def __call__(self, *_: object) -> None:
        raise SystemExit(self.dest)


def checked(option: Option):  # type: ignore[no-untyped-def]
    def value(text: str) -> str:
        known = text.partition("=")[0] if option.extended else text
        if not text or (option.choices and known not in option.choices()):
            raise ValueError
        return text

    return value


def by_argparse(words: Sequence[str]) -> dict[str, tuple[str, ...]] | str | None:
    """Values by option; or the name of an option that ends it at once; None if refused."""
    try:
        given = vars(Oracle().parse_args(words))
    except Refused:
        return None
    except SystemExit as ending:
        return str(ending)
    return {name: tuple(values or ()) for name, values in given.items()}


def by_us(words: Sequence[str]) -> dict[str, tuple[str, ...]] | str | None:
    try:
        arguments = parse(words)
    except UsageError as error:
        # what goes with what argparse does not know
        together = ("does not go with", "goes with", "is given twice")
        return "together" if any(text in error.message for text in together) else None
    if arguments.verb in ("help", "version"):
        return f"--{arguments.verb}"
    return {option.name: arguments.values(option.name) for option in OPTIONS}


NAMES = [name for option in OPTIONS for name in option.names]
LETTERS = "".join(name[1] for name in NAMES if len(name) == 2)
VALUES = [
    "yaml",
    "json",
    "text",
    "modules",
    "autoload",
    "libreswan",
    "strongswan=5.9",
    "x",
    "-",
    "/",
]
WORDS = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(VALUES),
    st.builds("{}={}".format, st.sampled_from([n for n in NAMES if len(n) > 2]),
              st.sampled_from([*VALUES, "", "a=b"])),
    st.text(LETTERS + "xz5", min_size=1, max_size=4).map("-{}".format),
    st.sampled_from(["--chec", "--", "---check", "--nonsense", "--check-", "word", ""]),
)  # fmt: skip


@given(st.lists(WORDS, max_size=5))
def test_it_reads_what_argparse_reads(words: list[str]) -> None:
    ours = by_us(words)
    if ours == "together":
        assert isinstance(by_argparse(words), dict)
    else:
        assert ours == by_argparse(words)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--xyzzy", "there is no option --xyzzy"),
        ("--che", "there is no option --che; did you mean --check?"),
        ("--formt=json", "there is no option --formt=json; did you mean --format?"),
        ("-x", "there is no option -x"),
        ("-vx", "-vx: there is no option -x"),
        ("check", "check: there is no such option, and no value is expected here"),
        ("--", "there is no option --"),
        ("--check=yes", "--check takes no value"),
        ("-c=1", "-c takes no value"),
        ("--config", "--config: FILE is missing"),
        ("--config --check", "--config: FILE is missing"),
        ("--config=", "--config: an empty value"),
        ("--format xml", f"--format xml: choose from {', '.join(formats.names())}"),
        ("--seal=all", "--seal all: choose from modules, autoload"),
        ("--daemon racoon=1", f"--daemon racoon=1: choose from {', '.join(DAEMONS)}"),
        ("--config a --config b", "--config is given twice: a and b"),
        ("--root a --root b", "--root is given twice: a and b"),
        ("--config a --esp aes", "--config does not go with --esp"),
        ("--all --config a", "--config does not go with --all"),
        ("--apply a --daemon libreswan", "--apply does not go with --daemon"),
        ("--manifest yaml --format json", "--format does not go with --manifest"),
        ("--manifest yaml -v", "--verbose does not go with --manifest"),
        ("--manifest yaml --check", "--check does not go with --manifest"),
        ("--record a --strict", "--strict does not go with --record"),
        ("--check --dry-run", "--check does not go with --dry-run"),
        ("--check --seal", "--seal does not go with --check"),
        ("--prove", "--prove goes with --check"),
        ("--check --prove=pings", "--prove pings: choose from packets, sas"),
        ("--prove -n", "--prove does not go with --dry-run"),
        ("--preload", "--preload goes with --manifest"),
        ("--manifest json --against a", "--against goes with --manifest yaml"),
        ("--manifest yaml --against a --preload", "--against does not go with --preload"),
        ("--explain esp4 --check", "--check does not go with --explain"),
        ("--explain esp4 --esp aes", "--esp does not go with --explain"),
        ("--cc gcc", "--cc goes with --headers"),
        ("--measure --lab", "--lab does not go with --measure"),
        ("--measure --prove", "--prove does not go with --measure"),
        ("--check --measure --root /x", "--root does not go with --measure"),
        ("--headers --root /x", "--root does not go with --headers"),
        ("--explain a --explain b", "--explain is given twice: a and b"),
        ("-q --format json", "--quiet goes with --format text"),
        ("-v --format=journal", "--verbose goes with --format text"),
    ],
)
def test_wrong_use_is_named(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split())
    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        "--config a --config a",
        "--esp aes --esp aes --ah sha1 --all --ipcomp",
        "--format journal --format text -q",
        "--check --prove --strict -46qv --no-color --debug",
        "--check --prove=packets",
        "--seal autoload",
        "--manifest yaml --strict --all --root / --kernel 6.1",
        "--record a --root / --debug",
        "--explain",
        "--explain noecn --format json --root / --kernel 6.1",
    ],
)
def test_what_goes_together_is_taken(line: str) -> None:
    assert parse(line.split()).verb


def test_what_is_not_given_has_its_default() -> None:
    arguments = parse([])
    assert (arguments.verb, arguments.value("--root"), arguments.value("--config")) == (
        LOAD,
        "/",
        "",
    )
    assert arguments.value("--format") == "text" and not arguments.has("--check")
    assert parse(["--seal"]).value("--seal") == "modules"
    with pytest.raises(KeyError):
        arguments.has("--chekc")


def test_what_another_verb_would_heed_can_be_typed() -> None:
    line = "--check --prove --strict --format json --esp aes --esp null -4 --root /x"
    words = parse(line.split()).words("manifest")
    assert words == ["--esp=aes", "--esp=null", "-4", "--root=/x", "--strict"]
    assert parse(["--manifest=yaml", *words]).values("--esp") == ("aes", "null")


def test_the_table_is_whole() -> None:
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names))
    assert {option.group for option in OPTIONS} == GROUPS.keys()
    assert {LOAD, *(option.verb for option in OPTIONS if option.verb)} == set(verbs.names())
    for option in OPTIONS:
        others = (*option.not_with, *(name.partition("=")[0] for name in option.only_with))
        assert {*others} <= BY_NAME.keys(), option.name
        assert {*option.verbs} <= {*verbs.names()}, option.name
        assert option.help and not option.help.endswith(".")
        assert not option.default or not option.choices or option.default in option.choices()
        assert not (option.implied and option.choices) or option.implied in option.choices()
