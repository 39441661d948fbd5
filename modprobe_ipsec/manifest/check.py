# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a rendered manifest for what the programs that read it let through without a word.

systemd-modules-load skips a line with an option, Compose and Kubernetes take a capability that does
not exist, kmod drops a soft dependency that it cannot read. Here only what is known is right.
"""

from modprobe_ipsec.base.annotations import Iterable, Iterator
from modprobe_ipsec.manifest import check_lines, check_shapes
from modprobe_ipsec.manifest.model import HostPlan, ManifestFile
from modprobe_ipsec.manifest.vocabulary import Vocabulary


def mistakes(files: Iterable[ManifestFile], plan: HostPlan) -> Iterator[str]:
    """`PATH: what is wrong` for each mistake in the files; nothing if all is well."""
    words = Vocabulary(frozenset(m.label for m in plan.modules))
    for file in files:
        for problem in _file(file, words):
            yield f"{file.path}: {problem}"


def _file(file: ManifestFile, words: Vocabulary) -> Iterator[str]:
    if file.path.startswith("/") or ".." in file.path.split("/"):
        yield "a path must be relative and lead nowhere else"
    if not file.text.endswith("\n") or not file.text.replace("\n", "").isprintable():
        yield "a text must be printable lines"
    inner: list[ManifestFile] = []
    if check_shapes.knows(file.path):
        yield from check_shapes.mistakes(file, words, inner)
    else:
        yield from check_lines.mistakes(file, words)
    for part in inner:
        for problem in _file(part, words):
            yield f"{part.path}: {problem}"
