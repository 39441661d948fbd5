# SPDX-License-Identifier: GPL-3.0-or-later
"""What was loaded for speed and serves nothing goes again, and nothing else does."""

import errno

import pytest

from modprobe_ipsec.host.facts import Algorithm
from modprobe_ipsec.kernel.idle import clear
from modprobe_ipsec.plan.plan import LoadOutcome, LoadResult, Step
from tests.facts import algorithm, facts
from tests.shipped import CATALOG

NAMES = ("rfc4106(gcm(aes))", "gcm(aes)", "ctr(aes)", "aes", "ghash", "sha256")
GENERIC = (algorithm("aes", "aes-generic"), algorithm("sha256", "sha256-generic"))


def result(
    module: str,
    *dependencies: str,
    outcome: LoadOutcome = LoadOutcome.LOADED,
    loaded: tuple[str, ...] | None = None,
    accelerator: bool = True,
) -> LoadResult:
    step = Step(
        module=module,
        request="crypto-aes",
        why="",
        needs=("x",),
        dependencies=dependencies,
        accelerator=accelerator,
    )
    came = (*dependencies, module) if loaded is None else loaded
    return LoadResult(step, outcome, 0, loaded=came)


class Kernel:
    """Takes modules out, but those that are in use."""

    def __init__(self, *in_use: str) -> None:
        self.in_use, self.gone = in_use, list[str]()

    def unload(self, module: str) -> int:
        if module in self.in_use:
            return errno.EAGAIN
        self.gone.append(module)
        return 0


def cleared(
    one: LoadResult, *more: Algorithm, kernel: Kernel | None = None
) -> tuple[LoadResult, list[str]]:
    kernel = kernel or Kernel()
    host = facts(algorithms=(*GENERIC, *more))
    (after,) = clear([one], NAMES, host, CATALOG, kernel.unload)
    return after, kernel.gone


def test_what_registers_nothing_goes_and_what_came_with_it() -> None:
    after, gone = cleared(result("aes_s390", "lib", "libdes"))
    assert gone == ["aes_s390", "libdes", "lib"]
    assert (after.outcome, after.loaded) == (LoadOutcome.IDLE, ())
    assert after.why == "aes_s390: it serves nothing on this CPU and was unloaded again"


@pytest.mark.parametrize(("priority", "stays"), [(0, False), (100, False), (101, True)])
def test_only_the_best_driver_of_a_name_serves(priority: int, stays: bool) -> None:
    mine = algorithm("sha256", "sha256-x", "sha256_x", priority)
    after, gone = cleared(result("sha256_x"), mine)
    assert (after.outcome is LoadOutcome.LOADED) is stays
    assert gone == ([] if stays else ["sha256_x"])


def test_one_name_of_several_is_enough() -> None:
    after, gone = cleared(result("vmx"), algorithm("ctr(aes)", "p8_aes_ctr", "vmx", 2000))
    assert after.outcome is LoadOutcome.LOADED and gone == []


def test_names_that_nobody_asks_for_do_not_count() -> None:
    _, gone = cleared(result("sm4_x"), algorithm("ctr(sm4)", "sm4-x", "sm4_x", 400))
    assert gone == ["sm4_x"]


def test_hardware_that_is_always_preferred_does_not_count() -> None:
    mine = algorithm("ctr(aes)", "ctr-aes-ni", "aesni", 400)
    card = algorithm("ctr(aes)", "qat_aes_ctr", "intel_qat", 4001)
    after, gone = cleared(result("aesni"), mine, card)
    assert after.outcome is LoadOutcome.LOADED and gone == []


def test_a_dependency_of_what_did_not_start_goes_unless_it_serves() -> None:
    one = result("sha256_s390", "sha_common", outcome=LoadOutcome.NO_DEVICE, loaded=("sha_common",))
    after, gone = cleared(one)
    assert gone == ["sha_common"] and after.loaded == ()
    assert after.outcome is LoadOutcome.NO_DEVICE
    after, gone = cleared(one, algorithm("sha256", "sha256-common", "sha_common", 150))
    assert gone == [] and after.loaded == ("sha_common",)


def test_what_was_there_before_stays() -> None:
    assert cleared(result("aes_s390", "lib", loaded=()))[1] == []
    assert cleared(result("aes_s390", "lib", loaded=("aes_s390",)))[1] == ["aes_s390"]


def test_what_is_needed_for_more_than_speed_stays() -> None:
    assert cleared(result("gcm", accelerator=False))[1] == []


def test_what_is_in_use_stays_and_is_told() -> None:
    kernel = Kernel("aes_s390")
    after, gone = cleared(result("aes_s390"), kernel=kernel)
    assert gone == [] and after.outcome is LoadOutcome.IDLE
    assert after.loaded == ("aes_s390",) and "stays" in after.why


def test_where_nothing_can_be_seen_nothing_goes() -> None:
    kernel = Kernel()
    one = result("aes_s390")
    assert clear([one], NAMES, facts(algorithms=None), CATALOG, kernel.unload) == (one,)
    assert kernel.gone == []
