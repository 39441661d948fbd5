# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the table of options is in the repository, and real shells take it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from modprobe_ipsec.commands.options import OPTIONS
from modprobe_ipsec.commands.verbs import help
from modprobe_ipsec.report import formats
from scripts import generate

FILES = generate.generated()
PLACES = {shell: generate.REPOSITORY / path for shell, path in zip(
    ("bash", "zsh", "fish"), FILES, strict=False)}  # fmt: skip


def ask(*command: str) -> str:
    assert shutil.which(command[0]), f"install {command[0]}"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("path", FILES)
def test_it_is_up_to_date(path: str) -> None:
    assert (generate.REPOSITORY / path).read_text() == FILES[path], "run make generated"


@pytest.mark.parametrize(
    "path", sorted(FILES.keys() - {generate.UNIT, generate.BEHAVIOURS, generate.WORDS})
)
def test_every_option_and_every_choice_is_in_each(path: str) -> None:
    text = FILES[path].replace("\\-", "-")
    for option in OPTIONS:
        for name in option.names:
            # fish and mdoc write the dashes in their own way
            assert any(form in text for form in (name, f"-l {name[2:]}", f"Fl {name[1:]}")), name
        for choice in option.choices() if option.choices else ():
            assert choice in text, f"{option.name} {choice}"


def test_every_option_and_every_choice_is_in_the_help() -> None:
    text = help.text()
    assert all(f"  {help.usage(option)}" in text for option in OPTIONS)
    for option in OPTIONS:
        assert all(choice in text for choice in (option.choices() if option.choices else ()))
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("shell", PLACES)
def test_the_shell_itself_reads_it(shell: str) -> None:
    assert ask(shell, "-n", str(PLACES[shell])) == ""


def bash(*words: str) -> list[str]:
    """What bash offers in place of the last word."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        f"source '{PLACES['bash']}'; COMP_WORDS=(modprobe-ipsec {line}); "
        f"COMP_CWORD={len(words)}; _modprobe_ipsec; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return ask("bash", "-c", script).split()


def test_bash_completes(tmp_path: Path) -> None:
    assert bash("--dr") == ["--dry-run"]
    assert bash("--check", "--format", "") == list(formats.names())
    assert bash("--seal", "=") == ["modules", "autoload"]
    assert bash("--seal", "=", "au") == ["autoload"]
    (tmp_path / "ipsec.conf").touch()
    (tmp_path / "image").mkdir()
    assert bash("--config", f"{tmp_path}/ips") == [f"{tmp_path}/ipsec.conf"]
    assert bash("--root", f"{tmp_path}/i") == [f"{tmp_path}/image"]
    assert bash("--esp", "aes") == []


def fish(line: str) -> set[str]:
    """What fish offers at the end of a command line."""
    said = ask("fish", "-c", f"source '{PLACES['fish']}'; complete -C '{line}'")
    return {offer.partition("\t")[0] for offer in said.splitlines()}


def test_fish_completes() -> None:
    assert fish("modprobe-ipsec --dr") == {"--dry-run"}
    assert fish("modprobe-ipsec --check --format ") == set(formats.names())
    assert fish("modprobe-ipsec --seal=") == {"--seal=modules", "--seal=autoload"}


def test_zsh_offers_what_goes_together() -> None:
    # _arguments itself needs a terminal; here it hands over what it was given
    script = f"_arguments() {{ print -rl -- $@ }}; source '{PLACES['zsh']}'"
    specs = ask("zsh", "-f", "-c", script).splitlines()
    (config,) = (spec for spec in specs if ")--config=" in spec)
    assert "--esp" in config.partition(")")[0] and config.endswith(":FILE:_files")
    assert len(specs) == 2 + sum(len(option.names) for option in OPTIONS)


MANUALS = sorted((generate.REPOSITORY / "man").iterdir())
# Whether other pages are installed is this machine's business.
_ELSEWHERE = ("referenced manual not found", "outdated mandoc.db")


@pytest.mark.parametrize("path", MANUALS, ids=[path.name for path in MANUALS])
def test_a_manual_page_is_good_mdoc(path: Path) -> None:
    assert shutil.which("mandoc"), "install mandoc"
    done = subprocess.run(["mandoc", "-T", "lint", str(path)], capture_output=True, text=True)
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if not any(known in line for known in _ELSEWHERE)] == []


@pytest.mark.parametrize("path", MANUALS, ids=[path.name for path in MANUALS])
def test_man_itself_has_nothing_against_it(path: Path) -> None:
    assert shutil.which("man"), "install man-db"
    command = ["man", "--warnings", "-E", "UTF-8", "-l", str(path)]
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "100"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 15


def test_every_manual_page_is_installed() -> None:
    makefile = (generate.REPOSITORY / "Makefile").read_text()
    project = (generate.REPOSITORY / "pyproject.toml").read_text()
    for path in MANUALS:
        section = path.suffix[1:]
        assert f"man/{path.name}:man/man{section}/{path.name} " in makefile
        assert f'"man/{path.name}" = "share/man/man{section}/{path.name}"' in project
        assert f".Dt {path.name.removesuffix(path.suffix).upper()} {section}\n" in path.read_text()
