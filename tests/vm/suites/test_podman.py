# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon in a container of Podman brings a tunnel up once its host has done what it is told."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.report_schema import checked
from tests.vm.harness import tunnels
from tests.vm.harness.contained import (
    CDI,
    KERNEL,
    LIBRESWAN,
    SHIPPED,
    STRONGSWAN,
    VOLUMES,
    Said,
    observe,
    stands,
)
from tests.vm.harness.kernels import Kernel
from tests.vm.harness.podman import podman
from tests.vm.harness.systems import systems

pytestmark = pytest.mark.qemu

SYSTEMS = (LIBRESWAN, STRONGSWAN)
WAYS = ("bundle", "apply", "hook by CDI", "hook by annotation", "run flags", "quadlet", "DaemonSet")
MAPPED = {LIBRESWAN: "rootless", STRONGSWAN: "mapped"}
"""A user namespace takes long to set up; each of both kinds is tried with one daemon."""
HOOKS = "/usr/share/containers/oci/hooks.d/modprobe-ipsec.json"


def _observe(system: str, kernel: Kernel) -> Said:
    config = VOLUMES[system][0].partition(":")[2]
    return observe(
        podman,
        system,
        kernel,
        ways=["without", *WAYS, "forbidden", MAPPED[system]],
        network=tunnels.network("here"),
        annotation=f"io.modprobe-ipsec.config={config}",
        files={
            CDI: (SHIPPED / "cdi.json").read_bytes(),
            HOOKS: (SHIPPED / "hooks.d.json").read_bytes(),
        },
    )


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, kernel_named: Callable[[str], Kernel]
) -> Iterator[Callable[[str], Said]]:
    """`_observe`; the guests of all chosen tests start with the first call."""
    chosen = [item.nodeid for item in request.session.items if "test_podman.py" in item.nodeid]
    wanted = [name for name in SYSTEMS if any(name in each for each in chosen)]
    kernel = kernel_named(KERNEL)
    podman(kernel)
    systems(SYSTEMS)
    futures: dict[str, Future[Said]] = {}
    with ThreadPoolExecutor(len(SYSTEMS)) as pool:

        def said(system: str) -> Said:
            for each in dict.fromkeys((system, *wanted)):
                if each not in futures:
                    futures[each] = pool.submit(_observe, each, kernel)
            return futures[system].result()

        yield said
        pool.shutdown(cancel_futures=True)


on_both = pytest.mark.parametrize("system", SYSTEMS)


@on_both
def test_without_the_host_there_is_no_tunnel_and_the_cause_is_named(
    system: str, told: Callable[[str], Said]
) -> None:
    said = told(system)
    way = said["without"]
    assert said["baseline"]["autoload"] == "/bin/false"
    assert not {"xfrm_user", "esp4", "seqiv"} & set(said["baseline"]["modules"])
    assert way["loaded"] == []
    inside = way["inside"]
    assert not inside["settled"] or inside["up"]["status"], inside
    assert "src " not in inside.get("states", ""), inside
    assert "Protocol not supported" in inside["log"], inside["log"]
    report = checked(way["check"]["stdout"])
    container = report["container"]
    assert way["check"]["status"] == 2 and container["kind"] == "podman"
    assert container["autoload"] == {"works": False, "why": "kernel.modprobe is /bin/false"}
    assert {"net-pf-16-proto-6", "xfrm-type-2-50", "crypto-seqiv"} <= set(container["preload"])
    assert container["lacks"] == []
    texts = [reason["text"] for need in report["needs"] for reason in need["reasons"]]
    assert any("no XFRM netlink interface: xfrm_user is missing" in text for text in texts), texts


@on_both
def test_the_first_program_says_what_the_host_must_do_and_does_not_start_the_daemon(
    system: str, told: Callable[[str], Said]
) -> None:
    init = told(system)["without"]["init"]
    assert init["status"] == 2 and "started" not in init["stdout"]
    said = " ".join(init["stderr"].split())
    assert "autoload brings nothing: kernel.modprobe is /bin/false" in said
    assert "preload on the host, before the daemon starts: " in said and "xfrm-type-2-50" in said


@on_both
@pytest.mark.parametrize("name", WAYS)
def test_after_the_host_did_its_part_the_tunnel_stands(
    system: str, name: str, told: Callable[[str], Said]
) -> None:
    way = told(system)[name]
    stands(way)
    assert {"esp4", "xfrm_user", "seqiv"} <= set(way["loaded"])


@on_both
def test_a_line_of_the_administrator_keeps_the_container_from_starting(
    system: str, told: Callable[[str], Said]
) -> None:
    way = told(system)["forbidden"]
    cause = "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false"
    for name in ("silent", "hook"):
        assert way[name]["status"] and "started" not in way[name]["stdout"]
    (line,) = way["hook"]["line"].splitlines()
    assert line.startswith("modprobe-ipsec-hook: ") and cause in line and "CVE-2026-43284" in line
    assert way["apply"]["status"] == 2 and cause in " ".join(way["apply"]["stdout"].split())
    assert "esp4" not in way["loaded"]


@on_both
def test_a_user_namespace_has_its_tunnel_too_once_the_host_did_its_part(
    system: str, told: Callable[[str], Said]
) -> None:
    way = told(system)[MAPPED[system]]
    before, after = (checked(way[check]["stdout"]) for check in ("check", "checked"))
    assert before["exit_code"] == 2 and before["container"]["user_namespace"] is True
    assert before["container"]["preload"]
    assert after["exit_code"] == 0, after
    assert after["container"]["rootless"] is (MAPPED[system] == "rootless")
    assert any("net.core.xfrm_*" in lack["what"] for lack in after["container"]["lacks"])
    assert way["inside"]["namespace"][:2] != ["0", "0"]
    stands(way)


def test_a_hook_of_an_engine_that_runs_as_root_loads_for_mapped_ids(
    told: Callable[[str], Said],
) -> None:
    way = told(STRONGSWAN)["mapped"]
    assert (way["hook"]["status"], way["hook"]["stdout"]) == (0, "started\n"), way["hook"]
    assert "esp4" in way["left"]


def test_a_hook_of_a_rootless_engine_loads_nothing_and_says_so(
    told: Callable[[str], Said],
) -> None:
    way = told(LIBRESWAN)["rootless"]
    assert way["hook"]["status"] and "started" not in way["hook"]["stdout"]
    assert "this hook runs without CAP_SYS_MODULE" in way["hook"]["line"], way["hook"]
    assert way["left"] == []
