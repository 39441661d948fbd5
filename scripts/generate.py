# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what follows from the table of options, the daemons' descriptors and the questions of
--lab: completions, parts of the manual page, which units ours comes before, docs/behaviours.md.

    python -m scripts.generate

In the manual page the prose is written by hand. Made here are the heading of each option (its `.It`
line) and what stands between `.\\" made: NAME` and `.\\" end`.
"""

import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from modprobe_ipsec import probes
from modprobe_ipsec.base import registry
from modprobe_ipsec.base.version import numbers
from modprobe_ipsec.commands.command_line import PROGRAM
from modprobe_ipsec.commands.engine import catalog
from modprobe_ipsec.commands.options import LOAD, OPTIONS, Option
from modprobe_ipsec.commands.verbs.help import FEW
from modprobe_ipsec.daemons.registry import DAEMONS
from modprobe_ipsec.manifest import formats as manifests
from modprobe_ipsec.probes._run import known
from modprobe_ipsec.report import formats as reports
from scripts import words

REPOSITORY = Path(__file__).parent.parent
PAGE = "man/modprobe-ipsec.8"
WORDS = "man/modprobe-ipsec-words.7"
BEHAVIOURS = "docs/behaviours.md"
# What kernels have answered: written by the suite that asks them.
_ANSWERS = REPOSITORY / "tests/vm/expected/behaviours"
_BEHAVIOURS = """\
`modprobe-ipsec --lab` asks the kernel at hand, by packets through real SAs in a throw-away network.
This page is made from the questions themselves (`modprobe_ipsec/probes/`) and from what the kernels
of the tests have answered (`tests/vm/expected/behaviours/`, where every case is)."""
UNIT = "systemd/modprobe-ipsec.service"
_MADE = "Made by scripts/generate.py from the table of options."


def generated() -> dict[str, str]:
    """Each generated file, by its path in the repository."""
    return {
        "completions/modprobe-ipsec.bash": bash(),
        "completions/_modprobe-ipsec": zsh(),
        "completions/modprobe-ipsec.fish": fish(),
        WORDS: words.page(),
        PAGE: page((REPOSITORY / PAGE).read_text()),
        BEHAVIOURS: behaviours(),
        UNIT: unit((REPOSITORY / UNIT).read_text()),
    }


def behaviours() -> str:
    """The questions of --lab, and what kernels have answered."""
    found = [known(name) for name in probes.names()]
    answers = {path.stem: json.loads(path.read_text()) for path in _ANSWERS.glob("*.json")}
    kernels = sorted(answers, key=lambda name: numbers(name.removeprefix("uml-")))
    lines = [
        "# What kernels do with packets",
        "",
        *textwrap.wrap(_BEHAVIOURS, 118, break_on_hyphens=False, break_long_words=False),
        "",
        f"| behaviour | {' | '.join(kernels)} |",
        f"|---|{'---|' * len(kernels)}",
    ]
    for each in found:
        said = [answers[kernel].get(each.name, {}).get("answer", "") for kernel in kernels]
        lines.append(f"| [{each.name}](#{each.name}) | {' | '.join(said)} |")
    for each in found:
        lines += ["", f"## {each.name}", "", each.question]
        for head, paragraph in each.said.items():
            lines += ["", *textwrap.wrap(f"**{head}**: {paragraph}", 118, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def bash() -> str:
    """For bash alone, without the package bash-completion."""
    cases = "".join(
        f"        {'|'.join(option.names)})\n{_bash_values(option)}" for option in _valued()
    )
    words = " ".join(name for option in OPTIONS for name in option.names)
    return f"""\
# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for {PROGRAM}. {_MADE}

_modprobe_ipsec() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    # bash takes an equals sign for a word of its own
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    COMPREPLY=()
    case $previous in
{cases}\
        *)
            mapfile -t COMPREPLY < <(compgen -W '{words}' -- "$current") ;;
    esac
}}
complete -F _modprobe_ipsec {PROGRAM}
"""


def _bash_values(option: Option) -> str:
    match _kind(option):
        case "choices":
            words = f"compgen -W '{' '.join(_choices(option))}'"
        case "directory":
            words = "compgen -d"
        case "file":
            words = "compgen -f"
        case _:
            return "            ;;\n"
    files = "            compopt -o filenames 2>/dev/null\n" if option.path else ""
    return f'{files}            mapfile -t COMPREPLY < <({words} -- "$current") ;;\n'


def zsh() -> str:
    """For zsh's own system of completions."""
    specs = "".join(f"    {spec} \\\n" for option in OPTIONS for spec in _zsh_specs(option))
    return f"""\
#compdef {PROGRAM}
# SPDX-License-Identifier: GPL-3.0-or-later
# {_MADE}

_arguments -s -S \\
{specs.removesuffix(chr(92) + chr(10)).rstrip()}
"""


def _zsh_specs(option: Option) -> Iterator[str]:
    others = [name for other in _excluded(option) for name in other.names]
    own = () if option.repeatable else option.names
    excluded = " ".join((*own, *others))
    before = f"({excluded})" if excluded else ""
    more = "*" if option.repeatable else ""
    said = re.sub(r"([\[\]:\\])", r"\\\1", option.help).replace("'", "'\\''")
    value = ""
    if option.metavar:
        actions = {"directory": "_files -/", "file": "_files", "choices": ""}
        action = actions.get(_kind(option), " ")
        action = action or f"({' '.join(_choices(option))})"
        value = f"{'::' if option.implied else ':'}{option.metavar.partition('[')[0]}:{action}"
    for name in option.names:
        equals = (
            "" if not option.metavar or name == option.short else "=-" if option.implied else "="
        )
        yield f"'{before}{more}{name}{equals}[{said}]{value}'"


def fish() -> str:
    """For fish."""
    lines = []
    for option in OPTIONS:
        names = [
            f"-l {name[2:]}" if name[:2] == "--" else f"-s {name[1:]}" for name in option.names
        ]
        said = option.help.replace("\\", "\\\\").replace("'", "\\'")
        values = {
            "choices": f"{'' if option.implied else '-x '}-a '{' '.join(_choices(option))}'",
            "directory": "-x -a '(__fish_complete_directories)'",
            "file": "-r -F",
            "text": "-x",
            "": "",
        }[_kind(option)]
        lines.append(" ".join(filter(None, (*names, values, f"-d '{said}'"))))
    body = "".join(f"complete -c {PROGRAM} {line}\n" for line in lines)
    return f"""\
# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for {PROGRAM}. {_MADE}

complete -c {PROGRAM} -f
{body}"""


def page(text: str) -> str:
    """The manual page with its made parts as the table has them; ValueError without a mark."""
    for name, make in _BLOCKS.items():
        begin = f'.\\" made: {name}\n'
        start = text.index(begin) + len(begin)
        text = text[:start] + make() + text[text.index('.\\" end\n', start) :]
    text = re.sub(r"^\.It Fl .*$", _heading, text, flags=re.MULTILINE)
    return re.sub(r"^[^.'\n].{80,}$", _filled, text, flags=re.MULTILINE)


def _filled(line: re.Match[str]) -> str:
    """A line of text not longer than mandoc's lint wants it."""
    return textwrap.fill(line[0], 78, break_long_words=False, break_on_hyphens=False)


def unit(text: str) -> str:
    """Our unit with the names of all units that it comes before and is started with: the daemons',
    and those of programs that start a daemon themselves."""
    units = [u for d in DAEMONS.values() for u in (*d.units, *d.unit_aliases)]
    names = " ".join((*units, *(u for p in catalog().others.values() for u in p.units)))
    return re.sub(r"^(Before|WantedBy)=.*$", rf"\1={names}", text, flags=re.MULTILINE)


def _heading(line: re.Match[str]) -> str:
    """The `.It` line of the options that one is about."""
    names = {f"-{word.replace(chr(92), '')}" for word in re.findall(r"Fl (\S+)", line[0])}
    return ".It " + " , ".join(man(option) for option in OPTIONS if names & set(option.names))


def man(option: Option) -> str:
    """`Fl q , Fl \\-quiet`, `Fl \\-seal Ns Op = Ns Cm modules | autoload`."""
    names = " , ".join(_flag(name) for name in option.names)
    return names + _man_value(option)


def _flag(name: str) -> str:
    return "Fl " + name[1:].replace("-", "\\-", 1) if name[:2] == "--" else f"Fl {name[1:]}"


def _man_value(option: Option) -> str:
    if not option.metavar:
        return ""
    choices = _choices(option)
    name, _, more = option.metavar.lower().rstrip("]").partition("[=")
    value = f"Cm {' | '.join(choices)}" if 0 < len(choices) <= FEW and not more else f"Ar {name}"
    value += f" Ns Op = Ns Ar {more}" if more else ""
    return f" Ns Op = Ns {value}" if option.implied else f" {value}"


def _synopsis() -> str:
    """All that ends with a report, then each other verb with what it alone heeds."""
    reports = {LOAD} | {o.verb for o in OPTIONS if o.verb and o.verb in _verbs("--format")}
    told = (o for o in OPTIONS if (o.verb in reports if o.verb else reports & _verbs(o.name)))
    lines = [".Nm", *(f".Op {_brief(option)}" for option in told)]
    for verb in OPTIONS:
        if verb.verb and verb.verb not in reports:
            lines += [".Nm", f".{_brief(verb)}"]
            lines += (f".Op {_brief(o)}" for o in OPTIONS if o.verbs == (verb.verb,))
            lines += [".Op Ar needs"] if verb.verb in _verbs("--esp") else []
            lines += [".Op Ar where"] if verb.verb in _verbs("--root") else []
    return "".join(f"{line}\n" for line in lines)


def _verbs(name: str) -> set[str]:
    """The verbs that heed an option."""
    (option,) = (option for option in OPTIONS if option.name == name)
    return set(option.verbs) or {LOAD, *(o.verb for o in OPTIONS if o.verb)}


def _brief(option: Option) -> str:
    return _flag(option.names[0]) + _man_value(option)


def _man_manifests() -> str:
    entries = ((name, format.summary, format.cannot_say) for name, format in manifests.every())
    return _list(
        (name, f"{_sentence(summary)}\n{more}".rstrip()) for name, summary, more in entries
    )


def _man_reports() -> str:
    entries = ((name, registry.load(reports.__name__, name).SUMMARY) for name in reports.names())
    return _list((name, _sentence(summary)) for name, summary in entries)


def _list(entries: Iterable[tuple[str, str]]) -> str:
    items = "".join(f".It Cm {name}\n{text}\n" for name, text in entries)
    return f".Bl -tag -width containerfile -compact\n{items}.El\n"


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _man_daemons() -> str:
    return "".join(f".Cm {name} ,\n" for name in DAEMONS)


_BLOCKS: dict[str, Callable[[], str]] = {
    "daemons": _man_daemons,
    "synopsis": _synopsis,
    "manifest formats": _man_manifests,
    "report formats": _man_reports,
}


def _valued() -> list[Option]:
    return [option for option in OPTIONS if option.metavar]


def _choices(option: Option) -> tuple[str, ...]:
    return tuple(option.choices()) if option.choices else ()


def _kind(option: Option) -> str:
    """What its value is: choices, directory, file, text; empty for a switch."""
    if option.choices:
        return "choices"
    if option.path:
        return "directory" if option.metavar == "DIR" else "file"
    return "text" if option.metavar else ""


def _excluded(option: Option) -> list[Option]:
    """Options that are refused beside it."""
    return [
        other
        for other in OPTIONS
        if other is not option
        and (
            (option.verb and other.verb)
            or other.name in option.not_with
            or option.name in other.not_with
            or (other.verb and option.verbs and other.verb not in option.verbs)
            or (option.verb and other.verbs and option.verb not in other.verbs)
        )
    ]


def main() -> None:
    """Write all of them."""
    for path, text in generated().items():
        (REPOSITORY / path).parent.mkdir(exist_ok=True)
        (REPOSITORY / path).write_text(text)


if __name__ == "__main__":
    main()
