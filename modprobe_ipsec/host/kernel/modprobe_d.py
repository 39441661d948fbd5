# SPDX-License-Identifier: GPL-3.0-or-later
"""What the admin says about loading: modprobe.d as libkmod reads it, and the kernel command line.

Source: kmod 30, libkmod/libkmod-config.c, libkmod-util.c:freadline_wrapped, compared with the
output of `modprobe --showconfig`; kernel/module/main.c:blacklisted, init/main.c.
"""

import os

from modprobe_ipsec.base.annotations import Iterable, Iterator, Sequence
from modprobe_ipsec.base.names import glob, underscores
from modprobe_ipsec.base.text import Sentence, file_and_line
from modprobe_ipsec.base.value import Value
from modprobe_ipsec.host.facts import Directive, Facts, ModuleIndex, Rule, Unreadable
from modprobe_ipsec.host.kernel.module_index import softdep
from modprobe_ipsec.host.reads import Allowed, Read
from modprobe_ipsec.host.root import Host

# A file in an earlier directory hides those of the same name in the later ones.
DIRECTORIES = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
)
# All files together are some lines; hostile ones shall not fill the memory with rules.
_LIMIT = 1 << 20
# The patterns among them are some hundred bytes.
_PATTERNS_LIMIT = 1 << 15
_MAGIC = frozenset("*?[")
# Characters of a command that are looked at.
_COMMAND_LIMIT = 4096
# Some kernels take 4 KiB.
_CMDLINE_LIMIT = 1 << 16
_CMDLINE = "kernel command line"
_DIRECTIVES = {
    word: Directive(word) for word in ("install", "blacklist", "alias", "options", "softdep")
}
_PATTERNS = (Directive.INSTALL, Directive.ALIAS, Directive.SOFTDEP)
# Commands that load nothing, whatever their exit status.
_IDLE = frozenset(("false", "true", ":", "exit", "nologin", "null", "echo", "logger", "sleep"))

# What says something about loading on the command line.
_WORDS = r"(?:(?:modprobe\.blacklist|module.blacklist|initcall.blacklist|ipv6\.disable)=\S*|--)\Z"


def _only_words(text: str, allowed: Allowed) -> str:
    import re

    return " ".join(word for word in text.split() if re.match(_WORDS, word)) + "\n"


READS = (
    Read("proc/cmdline", _only_words, _CMDLINE_LIMIT),
    *(Read(place) for directory in DIRECTORIES for place in (directory, f"{directory}/*")),
)


def redacted(host: Host, facts: Facts, allowed: Allowed) -> Iterator[tuple[str, bytes]]:
    """Every rule that says what is loaded, at its line, made anew of what was understood of it."""
    for path in files(host, []):
        lines: list[str] = []
        for rule in parse(host.text(path, limit=_LIMIT) or "", path):
            if line := _recorded(rule):
                number = int(rule.where.rpartition(":")[2])
                lines += [""] * (number - 1 - len(lines))
                lines.append(line)
        yield path, "".join(f"{line}\n" for line in lines).encode()


def _recorded(rule: Rule) -> str:
    """A line that means the same and holds nothing of a command or an option; empty for none."""
    # names as they were written, dashes and all
    name, rest = _word(_word(rule.text)[1])
    command = _word(rest)[0] if rule.directive is Directive.ALIAS else rule.command
    if rule.directive is Directive.OPTIONS:
        # options decide nothing, but for the one that switches IPv6 off
        command = "disable=1" if rule.name == "ipv6" and "disable=1" in command else ""
        if not command:
            return ""
    elif rule.directive is Directive.INSTALL and not rule.plain:
        # a program with three dots for a name: only a run would tell what that does
        command = {True: "/bin/false", False: f"modprobe -i {rule.name}", None: "..."}[blocks(rule)]
    line = f"{rule.directive} {name} {command}".rstrip(" ")
    return line.replace("\\", "\\\\") if line.isprintable() else ""


def read(host: Host, gaps: list[Unreadable]) -> tuple[Rule, ...]:
    """All rules of the host, in the order in which libkmod meets them."""
    rules: list[Rule] = []
    left = _LIMIT
    for path in files(host, gaps):
        answer = host.read(path, left)
        if isinstance(answer, bytes):
            left -= len(answer)
            where = "/" + os.fsencode(path).decode("utf-8", "replace")
            rules += parse(answer.decode("utf-8", "replace"), where)
        elif not answer.missing:
            # a dangling link hides others and says nothing
            gaps.append(answer)
    rules = _without_excess(rules, gaps)
    rules += parse_cmdline(host.text("proc/cmdline", gaps, _CMDLINE_LIMIT) or "")
    return tuple(rules)


def _without_excess(rules: list[Rule], gaps: list[Unreadable]) -> list[Rule]:
    """The rules, but for patterns beyond what can be compared with some hundred names."""
    kept: list[Rule] = []
    left = _PATTERNS_LIMIT
    for rule in rules:
        if _is_pattern(rule):
            left -= len(rule.name)
            if left < 0:
                where = rule.where.removeprefix("/")
                gaps.append(Unreadable(where, f"more than {_PATTERNS_LIMIT} bytes of patterns"))
                return kept + [rule for rule in rules[len(kept) :] if not _is_pattern(rule)]
        kept.append(rule)
    return kept


def _is_pattern(rule: Rule) -> bool:
    return rule.directive in _PATTERNS and not _MAGIC.isdisjoint(rule.name)


def files(host: Host, gaps: list[Unreadable]) -> list[str]:
    """The files that count, in the order in which libkmod reads them."""
    found: dict[str, str] = {}
    for directory in DIRECTORIES:
        names = host.list_dir(directory)
        if isinstance(names, Unreadable):
            if not names.missing:
                gaps.append(names)
            continue
        for name in names:
            if name.endswith((".conf", ".alias")) and not name.startswith("."):
                found.setdefault(name, f"{directory}/{name}")
    return [found[name] for name in sorted(found, key=os.fsencode)]


def parse(text: str, where: str) -> list[Rule]:
    """The rules of one file; lines that libkmod ignores are left out."""
    rules = []
    for number, line in _lines(text):
        word, behind = _word(line)
        second, rest = _word(behind)
        directive, name = _DIRECTIVES.get(word), underscores(second)
        if directive is None or not name:
            continue
        if directive is Directive.ALIAS:
            rest = underscores(rest.replace("\t", " ").strip(" ").partition(" ")[0]) or ""
        if directive is Directive.BLACKLIST:
            rest = ""
        elif not rest:
            # to libkmod a command of blanks is one
            continue
        rest = rest.strip(" \t")
        rules.append(Rule(directive, name, rest, f"{where}:{number}", line.strip()))
    return rules


def parse_cmdline(text: str) -> list[Rule]:
    """The rules in a kernel command line.

    Names are taken as they stand there: neither libkmod nor the kernel maps dashes here, so that
    `modprobe.blacklist=ghash-clmulni-intel` forbids nothing.
    """
    rules: list[Rule] = []
    kernel: list[Rule] = []
    ours = True
    # blanks between quotes belong to a word
    for word in _quoted_words(text) if '"' in text else text.split():
        word = word.replace('"', "")
        key, _, value = word.partition("=")
        key = key.replace("-", "_")
        # the kernel leaves what follows a `--` to init, libkmod does not
        ours = ours and word != "--"
        if key == "modprobe.blacklist":
            directive, found = Directive.BLACKLIST, rules
        elif key == "module_blacklist" and ours:
            # a charp parameter: the last one counts
            kernel.clear()
            directive, found = Directive.MODULE_BLACKLIST, kernel
        elif key == "initcall_blacklist" and ours:
            directive, found = Directive.INITCALL_BLACKLIST, rules
        else:
            continue
        found += [Rule(directive, name, "", _CMDLINE, word) for name in value.split(",") if name]
    return rules + kernel


def _quoted_words(text: str) -> list[str]:
    import re

    return re.findall(r'(?:[^\s"]|"[^"]*(?:"|$))+', text)


def applies(rule: Rule, name: str) -> bool:
    """Whether the rule is about this module (canonical name) or alias (`crypto-gcm`)."""
    name = name.replace("-", "_")
    return glob(name, rule.name) if rule.directive in _PATTERNS else rule.name == name


def blocks(rule: Rule) -> bool | None:
    """Whether the rule keeps what it applies to from being loaded; None if only a run would tell.

    An `install` command is never run here. It blocks if it does nothing (`/bin/false`, and just so
    `/bin/true`), it does not if it goes on to load the module itself. An `alias` blocks if it leads
    to `off`, which is no module. (A `blacklist` counts for aliases, and for names with `modprobe
    -b`.)
    """
    match rule.directive:
        case Directive.INSTALL:
            return _install_blocks(rule)
        case Directive.BLACKLIST | Directive.MODULE_BLACKLIST | Directive.INITCALL_BLACKLIST:
            return True
        case Directive.ALIAS:
            return True if rule.command in ("off", "null", "/dev/null") else None
        case Directive.OPTIONS | Directive.SOFTDEP:
            return False


class LinesAbout(Value):
    """What all rules together say about one module or alias."""

    # Those that keep it from being loaded, in the order of libkmod.
    against: tuple[Rule, ...]
    # An `install` of which only a run would tell whether it does.
    perhaps: Rule | None
    # What a load would do beyond itself, in words.
    remark: str
    # Modules or aliases that libkmod loads before it and after it, where it can.
    softdeps: tuple[str, ...]

    @property
    def all(self) -> tuple[Rule, ...]:
        """Those that keep it out, and the one that may."""
        return (*self.against, self.perhaps) if self.perhaps else self.against


def about(
    names: Iterable[str], rules: Iterable[Rule], index: ModuleIndex | None
) -> dict[str, LinesAbout]:
    """What the rules, and modules.softdep, say about each of these modules or aliases."""
    known = _Rules(rules)
    softdeps = index.softdeps if index else {}
    return {name: _about(known.of(name), softdeps.get(name)) for name in dict.fromkeys(names)}


def _of_rule(rule: Rule, does: str) -> Sentence:
    """What a line does to a load that it does not forbid."""
    fact = {"kind": "modprobe.d", "rule": rule.shown, **file_and_line(rule.where)}
    return Sentence(f"{rule.where}: {rule.shown}: {does}", fact)


def _about(
    rules: Sequence[Rule], shipped: tuple[tuple[str, ...], tuple[str, ...]] | None
) -> LinesAbout:
    against: list[Rule] = []
    perhaps: Rule | None = None
    remark: str | None = None
    soft: tuple[str, ...] | None = None
    installed = False
    for rule in rules:
        if rule.directive is Directive.SOFTDEP:
            said = _of_rule(rule, "those are loaded as well")
            remark = said if remark is None else remark
            # libkmod reads modules.softdep as one of the files, sorted by their names
            if soft is None and not (shipped and rule.where.rpartition("/")[2] > _SHIPPED):
                soft = tuple(name for names in softdep(rule.command) for name in names)
        elif rule.directive is Directive.INSTALL:
            # as in libkmod only the first one for a name counts; without it, the next one would
            shut = any(other.directive is Directive.INSTALL for other in against)
            if (not installed or shut) and (does := blocks(rule)):
                against.append(rule)
            elif not installed and does is None:
                perhaps = rule
                said = _of_rule(rule, "only a run would tell what that does")
                remark = said if remark is None else remark
            elif not installed and remark is None:
                # it loads the module itself
                remark = ""
            installed = True
        elif blocks(rule):
            against.append(rule)
    if soft is None:
        soft = tuple(name for names in shipped or () for name in names)
    return LinesAbout(tuple(against), perhaps, remark or "", soft)


_SHIPPED = "modules.softdep"


class _Rules:
    """Rules looked up by module or alias, in the order in which libkmod meets them.

    Hosts have hundreds of rules, nearly all of one plain name.
    """

    __slots__ = ("_patterns", "_plain")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._plain: dict[str, list[tuple[int, Rule]]] = {}
        self._patterns: list[tuple[int, Rule]] = []
        for place, rule in enumerate(rules):
            if rule.directive is Directive.INITCALL_BLACKLIST:
                continue  # names functions of the kernel, not modules
            if _is_pattern(rule):
                self._patterns.append((place, rule))
            else:
                self._plain.setdefault(rule.name, []).append((place, rule))

    def of(self, name: str) -> list[Rule]:
        name = name.replace("-", "_")
        found = list(self._plain.get(name, ()))
        found += [(place, rule) for place, rule in self._patterns if applies(rule, name)]
        # (a rule is no more than its place among the others)
        return [rule for _, rule in sorted(found, key=lambda pair: pair[0])]


def _install_blocks(rule: Rule) -> bool | None:
    # rules about a module that somebody asks for are few
    import re

    command, quotes = rule.command, set("\"'`")
    if len(command) > _COMMAND_LIMIT:
        return None
    comment = re.search(r"(?:^|\s)#", command)
    if comment and not quotes & set(command[: comment.start()]):
        command = command[: comment.start()]
    if "`" in command or "$(" in command:
        return None
    # without redirections, whose & separates nothing
    plain = re.sub(r"\d?&?[<>]++\s*+(?:&\d|[^\s;&|]++)?+", " ", command)
    commands = [words for part in re.split(r"[;&|]+", plain) if (words := _words(part))]
    programs = [words[0].rpartition("/")[2] for words in commands]
    if all(program in _IDLE for program in programs):
        return True
    if "false" in programs or "exit" in programs:
        return None
    return False if any(_loads(rule.name, words) for words in commands) else None


def _word(line: str) -> tuple[str, str]:
    """The first word, and what stands behind the blank after it.

    libkmod splits at blanks and tabs only: a carriage return is part of a name.
    """
    line = line.lstrip(" \t")
    word = line.partition(" ")[0].partition("\t")[0]
    return word, line[len(word) + 1 :]


def _words(command: str) -> list[str]:
    words: list[str] = []
    for word in command.split():
        word = word.strip("\"'(){}")
        if word and not (word == "exec" and not words):
            words.append(word)
    return words


def _loads(name: str, words: list[str]) -> bool:
    """Whether a command is `modprobe --ignore-install NAME` or `insmod .../NAME.ko`."""
    program = words[0].rpartition("/")[2]
    named = {word.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for word in words[1:]}
    if program == "insmod":
        return name in named
    forced = any(
        word == "--ignore-install" or (word[0] == "-" and word[1:].isalpha() and "i" in word)
        for word in words[1:]
    )
    return program == "modprobe" and forced and name in named


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first physical one.

    A backslash joins with the next line, and before any other character just vanishes.
    """
    start, joined = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        start = start or number
        if (len(line) - len(line.rstrip("\\"))) % 2:
            joined += line[:-1]
            continue
        joined += line
        yield start, _unescape(joined)
        start, joined = 0, ""
    if joined:
        yield start, _unescape(joined)


def _unescape(line: str) -> str:
    if "\\" not in line:
        return line
    import re

    return re.sub(r"\\(.)", r"\1", line, flags=re.DOTALL)
