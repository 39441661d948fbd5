# SPDX-License-Identifier: GPL-3.0-or-later
"""Real questions to the kernel that runs here, with iproute2 as the oracle."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from modprobe_ipsec.kernel import ask, child, namespace
from modprobe_ipsec.kernel.prover import prove
from modprobe_ipsec.kernel.sa import sa_for
from modprobe_ipsec.kernel.xfrm import ADDRESSES
from modprobe_ipsec.needs.need import Need
from modprobe_ipsec.needs.proof import Answer, Proof, Proofs
from modprobe_ipsec.plan.meaning import NO_SOCKET

from .sample import AH, CBC, CBC_ESN, COMP, GCM, IMPOSSIBLE, everything

NOBODY = 65534
WORDS = {"aead": "aead", "cipher": "enc", "auth": "auth-trunc", "comp": "comp"}


def command(need: Need) -> list[str]:
    """Ask for the same SA with iproute2."""
    sa = sa_for(need, 0)
    source, destination = ADDRESSES[sa.family]
    words = ["ip", "xfrm", "state", "add", "src", source, "dst", destination]
    words += ["proto", sa.protocol, "spi", hex(sa.spi), "mode", "tunnel", "flag", "af-unspec"]
    words += ["esn", "replay-window", "32"] if sa.esn else []
    for algorithm in sa.algorithms:
        words += [WORDS[algorithm.kind], algorithm.name]
        if algorithm.kind != "comp":
            words.append(f"0x{algorithm.key.hex()}" if algorithm.key else "")
        if algorithm.icv_bits:
            words.append(str(algorithm.icv_bits))
    return words


def said_by_iproute2(need: Need) -> str:
    """The kernel's text; empty if it accepts."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    run = subprocess.run(
        ["unshare", "--net", *user, *command(need)], capture_output=True, text=True
    )
    return "" if run.returncode == 0 else run.stderr.strip().removeprefix("Error: ").rstrip(".")


def _transforms(need: Need) -> list[str]:
    choices = (need.suite.encryption, need.suite.integrity)
    return [choice.transform.xfrm for choice in choices if choice]


def fields(proof: Proof) -> list[object]:
    """All but the need, as JSON says it."""
    said = (proof.errno, proof.message, proof.driver, proof.priority, proof.why)
    return [proof.answer.value, *said]


def as_nobody(needs: Sequence[Need]) -> list[child.Message]:
    """What `prove` says without any privilege."""
    heard: list[child.Message] = []

    def work(send: child.Send) -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        send([fields(proof) for proof in prove(needs).proofs])

    assert child.run(work, heard.append, 60) == child.Ending()
    answers: list[child.Message] = heard[0]
    return answers


def the_child() -> int:
    """The process that asks."""
    (pid,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return int(pid)


def namespace_of(process: int | str) -> str:
    return str(Path(f"/proc/{process}/ns/net").readlink())


def traces() -> list[object]:
    """What a proof could change here."""
    commands = (["ip", "xfrm", "state"], ["ip", "netns", "list"])
    said = [subprocess.run(command, capture_output=True).stdout for command in commands]
    return [*said, namespace_of("self"), len(list(Path("/proc/self/fd").iterdir()))]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = traces()
    yield
    assert traces() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_answers_are_those_of_iproute2() -> None:
    needs = [need for need in everything() if all(_transforms(need))]
    proofs = prove(needs).proofs
    assert [proof.need for proof in proofs] == needs
    assert {proof.need.label: proof.message for proof in proofs} == {
        need.label: said_by_iproute2(need) for need in needs
    }
    for proof in proofs:
        assert (proof.answer is Answer.ACCEPTED) == (proof.errno == 0)
        assert bool(proof.driver) == (proof.answer is Answer.ACCEPTED)
        assert proof.why == ""


def test_nobody_gets_the_same_answers() -> None:
    needs = [GCM, CBC, CBC_ESN, AH, COMP]
    assert as_nobody(needs) == [fields(proof) for proof in prove(needs).proofs]


def test_it_happens_elsewhere() -> None:
    here, there = namespace_of("self"), set()

    def on_progress(done: int, total: int) -> None:
        if done == 1:
            there.add(namespace_of(the_child()))

    # So many that the child still lives when it is looked at.
    proofs = prove([CBC] * 1000, on_progress=on_progress)
    assert (proofs.socket, proofs.socket_errno) == (True, 0)
    assert len(there) == 1
    assert here not in there
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            assert namespace_of(process.name) not in there


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    prove([CBC, IMPOSSIBLE, GCM], on_progress=lambda *now: told.append(now))
    assert told == [(1, 2), (2, 2)]


def test_what_no_kernel_can_is_not_asked() -> None:
    proofs = prove([IMPOSSIBLE])
    assert proofs == Proofs((Proof(IMPOSSIBLE, Answer.NOT_ASKED, why=proofs.proofs[0].why),))
    assert proofs.proofs[0].why.startswith("no kernel can: ")


def test_nothing_to_prove() -> None:
    assert prove([]) == Proofs(())


@pytest.mark.parametrize(
    ("deadly", "why"),
    [
        (signal.SIGKILL, "the process that asks died of signal 9"),
        (signal.SIGSTOP, "the kernel took more than 1 s"),
    ],
)
def test_what_was_answered_stays_answered(deadly: signal.Signals, why: str) -> None:
    def on_progress(done: int, total: int) -> None:
        if done == 1:
            os.kill(the_child(), deadly)

    # So many that the child cannot be through before the signal.
    needs = [CBC] * 1000
    first, *_, last = prove(needs, on_progress=on_progress, timeout=1).proofs
    assert first.answer is not Answer.NOT_ASKED
    assert last == Proof(CBC, Answer.NOT_ASKED, why=why)


def test_ctrl_c() -> None:
    def on_progress(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove([CBC] * 1000, on_progress=on_progress)


# The child is a copy of this process: what is replaced here is replaced there.


def test_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(errno.EPERM, "")

    monkeypatch.setattr(namespace, "enter", refuse)
    proofs = prove([CBC])
    why = "cannot make a network namespace: Operation not permitted (EPERM)"
    assert proofs == Proofs((Proof(CBC, Answer.NOT_ASKED, why=why),), (), True)


def test_permission_that_is_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a security module lets us make a namespace and then takes the capabilities away."""

    def drop() -> None:
        os.setresuid(NOBODY, NOBODY, NOBODY)

    monkeypatch.setattr(namespace, "enter", drop)
    (proof,) = prove([CBC]).proofs
    assert (proof.answer, proof.errno) == (Answer.NOT_ASKED, errno.EPERM)
    assert "CAP_NET_ADMIN" in proof.why


@pytest.mark.parametrize(
    ("number", "answer"),
    [(errno.EPROTONOSUPPORT, Answer.REFUSED), (errno.EACCES, Answer.NOT_ASKED)],
)
def test_without_a_socket(monkeypatch: pytest.MonkeyPatch, number: int, answer: Answer) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("modprobe_ipsec.kernel.ask.socket.socket", refuse)
    proofs = prove([CBC, IMPOSSIBLE])
    proof, impossible = proofs.proofs
    assert (proof.answer, proof.errno) == (answer, number)
    assert NO_SOCKET in (proof.message or proof.why)
    assert impossible.why.startswith("no kernel can: ")
    assert (proofs.socket, proofs.socket_errno) == (False, number)


def test_a_mistake_of_ours_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(ask, "sa_for", fail)
    (proof,) = prove([CBC]).proofs
    why = "the process that asks failed: RuntimeError: oops"
    assert proof == Proof(CBC, Answer.NOT_ASKED, why=why)


def test_it_costs_nothing_until_it_is_used() -> None:
    code = """
import sys
import modprobe_ipsec.kernel.prover, modprobe_ipsec.plan.meaning
print(*{"modprobe_ipsec.kernel.ask", "modprobe_ipsec.kernel.xfrm"} & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", code]) == b"\n"


def test_asking_costs_little() -> None:
    """Every boot waits for these imports."""
    code = (
        "import sys, modprobe_ipsec.kernel.ask, modprobe_ipsec.kernel.loaded; print(*sys.modules)"
    )
    loaded = set(subprocess.check_output([sys.executable, "-I", "-c", code], text=True).split())
    costly = {"asyncio", "ssl", "subprocess", "dataclasses", "inspect", "logging", "traceback"}
    costly |= {"collections", "contextlib", "enum", "json", "re", "signal", "socket", "typing"}
    assert "modprobe_ipsec.kernel.xfrm" in loaded and not costly & loaded


def test_it_runs_no_program() -> None:
    code = """
from modprobe_ipsec.kernel.prover import prove
from tests.kernel.sample import CBC
print(prove([CBC]).socket)
"""
    strace = ("strace", "-f", "-qq", "-e", "trace=execve,execveat", "-e", "signal=none")
    done = subprocess.run((*strace, sys.executable, "-c", code), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert done.stderr.count("exec") == 1, done.stderr
