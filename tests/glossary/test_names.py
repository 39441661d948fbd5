# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name that somebody may meet is explained in full.

Those of the newest linux/xfrm.h, of the help of iproute2, of xfrm_stat and of the kernel's texts,
as names/ has them with their versions (`derive`), and our own.
"""

import errno
from collections.abc import Iterator
from itertools import chain

import pytest

from modprobe_ipsec.catalog.reach import module_requests_of
from modprobe_ipsec.diagnose.obstacles import kinds
from modprobe_ipsec.diagnose.resolution import ResolutionState
from modprobe_ipsec.manifest import formats
from modprobe_ipsec.plan.verdict import Verdict
from tests.glossary import BOOK, derive
from tests.shipped import CATALOG

PLACES = sorted(derive.NAMES.iterdir())
# What net/xfrm and the protocols below it return (grep in 5.10 and 7.3), and what loading does.
ERRNOS = """
    EACCES EAFNOSUPPORT EAGAIN EBADMSG EBUSY EEXIST EHOSTUNREACH EINPROGRESS EINTR EINVAL
    EKEYREJECTED ELIBBAD EMSGSIZE ENAMETOOLONG ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOMEM
    ENOPROTOOPT ENOSYS EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTONOSUPPORT ERANGE EREMOTE ESRCH
    ETIMEDOUT
"""


def from_outside() -> Iterator[str]:
    for place in PLACES:
        yield from derive.recorded(place)
    for name in ERRNOS.split():
        yield from (name, str(getattr(errno, name)), f"errno {getattr(errno, name)}")


def our_own() -> Iterator[str]:
    yield from (*CATALOG.transforms, *CATALOG.config, *CATALOG.parts, *CATALOG.features)
    yield from (transform.xfrm for transform in CATALOG.transforms.values() if transform.xfrm)
    yield from (word for known in CATALOG.vocabularies.values() for word in known.words)
    yield from (*CATALOG.never_load, *CATALOG.knowledge.initcalls)
    for alias, requests in module_requests_of(CATALOG).items():
        yield from (alias, *(request.module for request in requests if request.module))
        yield from (f"CONFIG_{request.config}" for request in requests)
    yield from (f"CONFIG_{option}" for option in CATALOG.config.values())
    yield from (name for known in CATALOG.knowledge.mitigations for name in (known.name, known.cve))
    yield from (*kinds(), *Verdict, *ResolutionState, *formats.names())


ASKED = sorted({*from_outside(), *our_own()})


@pytest.mark.parametrize("name", ASKED)
def test_it_is_explained(name: str) -> None:
    found = BOOK.find(name)
    assert found, BOOK.near(name)
    for chapter, entry in found:
        # a behaviour is a question
        assert entry.term.what[-1] in ".?", (chapter, entry.term.name)
        assert entry.term.source, (chapter, entry.term.name)


def test_these_are_all_and_many() -> None:
    assert [place.name for place in PLACES] == ["extack", "ip_xfrm", "xfrm.h", "xfrm_stat"]
    assert len(set(from_outside())) > 400 and len(ASKED) > 900


def test_the_newest_header_has_no_others() -> None:
    missing = {name for name in derive.newest_header() if not BOOK.find(name)}
    assert not missing, "explain these, then python -m tests.glossary.derive"


def test_help_and_modules_are_read_word_by_word() -> None:
    assert derive.help_words("FLAG := noecn | af-unspec\n [ mark MARK ] { add } ID") == {
        *("noecn", "af-unspec", "mark", "add"),
    }
    said = b'\0\x01Unsupported mode\0long int\0field "x" at y:3\0\nInvalid header length\0'
    assert derive.extack_texts(said) == {"Unsupported mode", "Invalid header length"}


def test_every_term_can_be_made() -> None:
    """Each is read in full, and found by each of its names."""
    for chapter in BOOK.chapters():
        assert chapter.title and chapter.leads, chapter.name
        for lead in chapter.leads:
            entry = lead.entry()
            assert entry.term.name == lead.names[0]
            for value in entry.term.values:
                assert any(chapter == "sysctls" for chapter, _ in BOOK.find(value)), value
            assert (chapter.name, entry.term) in [(c, e.term) for c, e in BOOK.find(lead.names[-1])]


def test_no_name_stands_twice_in_a_chapter() -> None:
    for chapter in BOOK.chapters():
        # `add` is of an SA and of a policy
        names = list(chain.from_iterable(lead.names for lead in chapter.leads))
        twice = {name for name in names if names.count(name) > 1}
        assert not twice or chapter.name in ("messages", "transforms"), (chapter.name, twice)
