# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver that the kernel would choose."""

from modprobe_ipsec.host.facts import Algorithm
from modprobe_ipsec.kernel.driver import serving


def algorithm(driver: str, priority: int, name: str = "cbc(aes)", kind: str = "x") -> Algorithm:
    return Algorithm(name, driver, "kernel", priority, kind)


def test_the_highest_priority_serves_and_of_equal_ones_the_first() -> None:
    first, second = algorithm("first", 300), algorithm("second", 300)
    better = algorithm("better", 400, name="ecb(aes)")
    assert serving([algorithm("low", 100), first, second, better], "cbc(aes)") is first


def test_nothing_serves_what_is_not_there() -> None:
    assert serving([algorithm("low", 100)], "cbc(a") is None


def test_ipcomp_takes_no_scomp_where_there_is_compression() -> None:
    scomp = algorithm("deflate-scomp", 0, "deflate", "scomp")
    compression = algorithm("deflate-generic", 0, "deflate", "compression")
    assert serving([scomp, compression], "deflate") is compression
    assert serving([scomp], "deflate") is scomp
