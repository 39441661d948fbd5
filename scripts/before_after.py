# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/before-after.md: what `--check` says of recorded hosts, here and in an older checkout.

    python -m scripts.before_after BEFORE

BEFORE is a checkout with its own .venv. Both look at the same trees, put together by tests.hosts.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hosts import tree

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs/before-after.md"
HEAD = """\
<!-- Made by `make told BEFORE=CHECKOUT`; not to be changed by hand. -->
# Thirty hosts, before and after

What `modprobe-ipsec --check` says of recorded hosts (`tests/hosts/cases/`), in a build before
reports named causes first, and now. `ROOT` is where the host's tree lies. Each was read as by
somebody who sees it for the first time and has to act: what is the cause, what does it stop, what
is to be done?
"""
HOSTS = {
    "conf-no-esp": "A kernel without ESP, five connections",
    "conf-all-lost": "Thirty connections, and one misspelled proposal in all of them",
    "conf-blocked": "A mitigation forbids the modules of five connections",
    "conf-silent-and-weak": "Connections that ask for nothing, and one with 3DES",
    "conf-swanctl": "A swanctl.conf with an option that this release does not know",
    "conf-empty": "A configuration without connections",
    "not-built": "ESP was not built",
    "no-modules-no-esp": "A kernel without modules, and without ESP for IPv6",
    "debian-cloud": "Debian's cloud kernel",
    "other-package-ubuntu": "Ubuntu: modules in another package",
    "other-package-openwrt": "OpenWrt: modules in packages",
    "openwrt-no-index": "OpenWrt: modules without an index",
    "install-false": "`install esp4 /bin/false`",
    "install-true": "`install esp4 /bin/true`, which reports success",
    "install-6.1": "Lines against several modules",
    "blacklist": "A blacklist",
    "alias-off": "`alias ... off`",
    "copy-fail": "A mitigation that is no longer needed",
    "cmdline-module-blacklist": "`module_blacklist=` on the kernel command line",
    "modules-disabled": "No more modules until the next boot",
    "modprobe-nowhere": "kernel.modprobe names no program",
    "apparmor": "AppArmor confines the daemon",
    "fips": "FIPS mode",
    "upgraded-not-rebooted": "Upgraded, not rebooted",
    "no-answer-no-config": "Module files are gone",
    "file-zstd": "A kernel that cannot decompress the module",
    "container": "In a container without the host's modules",
    "container-kubernetes": "In a pod without capabilities",
    "container-sealed": "In a container on a sealed host",
    "booted-6.12": "Nothing is wrong, and nothing loaded",
}


def said(checkout: Path, name: str) -> str:
    """What one checkout says of one host, with the exit status."""
    with tempfile.TemporaryDirectory() as directory:
        root = tree.assemble(name, Path(directory, "root"))
        command = [".venv/bin/python", "-m", "modprobe_ipsec", "--check", "--root", str(root)]
        done = subprocess.run(
            [*command, *tree.arguments(name)], cwd=checkout, capture_output=True, text=True
        )
        return tree.plain(f"{done.stdout}{done.stderr}exit status {done.returncode}\n", root)


def page(before: Path) -> str:
    """The whole page."""
    parts = [HEAD]
    for number, (name, title) in enumerate(HOSTS.items(), 1):
        asked = " ".join(tree.arguments(name))
        parts.append(
            f"\n## {number}. {title}\n\n`{name}`{f', `{asked}`' if asked else ''}\n\n"
            f"Before:\n\n```\n{said(before, name)}```\n\n"
            f"After:\n\n```\n{said(REPOSITORY, name)}```\n"
        )
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1]).resolve()))
