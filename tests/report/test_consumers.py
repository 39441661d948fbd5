# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for programs of others: each is read by that program, or by the grammar that it
documents; and what is wrong is refused by the same judge.
"""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modprobe_ipsec.base.errors import ConfigError
from modprobe_ipsec.base.text import LINE
from modprobe_ipsec.commands.main import main
from modprobe_ipsec.daemons.selection import Demand
from modprobe_ipsec.host.facts import StackSign, Unreadable
from modprobe_ipsec.needs.need import FeatureNeed, Source
from modprobe_ipsec.needs.reading import Place, Problem
from modprobe_ipsec.plan.judge import judge
from modprobe_ipsec.plan.planner import make_plan
from modprobe_ipsec.report import formats
from modprobe_ipsec.report.model import Action, Report, Run, Style
from tests.facts import CBC, GCM, facts, install
from tests.hosts import tree
from tests.shipped import CATALOG

REPOSITORY = Path(__file__).parent.parent.parent
HOSTS = ("conf-blocked", "booted-6.12", "conf-silent-and-weak", "container-kubernetes")
EVIL = "b\udcfcro\x1b[31m\n<0>\tx\"\\'</pre></style><script>alert(1)</script>|{}=# m\xfcn"


def hostile(text: str = EVIL) -> Report:
    """A report in which every name is somebody else's."""
    sources = tuple(
        Source(text, text, "libreswan", conn=f"{text}{n}", place=text) for n in range(3)
    )
    needs = tuple(need._replace(sources=sources) for need in (GCM, CBC))
    host = facts(
        rules=(install("esp4"),),
        release=text,
        stack_signs=(StackSign(text, True, text, values=(("XfrmInError", 3),)),),
        unreadable=(Unreadable(text, text),),
    )
    plan = make_plan(needs, host, CATALOG)
    problems = (Problem(Place(text, 3), text, text),)
    demand = Demand(needs, (text,), problems)
    run = Run("1.2", 1.8e9, 0.25, text, text)
    return Report(Action.CHECK, host, judge(plan, {}, loaded=False), plan, demand, run=run)


def said(name: str, report: Report) -> str:
    return formats.render(name, report, Style())


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tree.assemble(name, tmp_path_factory.mktemp(name) / "root") for name in HOSTS}


Checked = Callable[[str, str], tuple[int, str]]


@pytest.fixture
def check(roots: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> Checked:
    """What `--check` of a recorded host says in a format, and how it ends."""

    def run(name: str, format: str) -> tuple[int, str]:
        words = ["--check", "--root", str(roots[name]), "--format", format]
        code = main([*words, *tree.arguments(name)])
        return code, capsys.readouterr().out

    return run


def promtool(text: str) -> str:
    """What promtool has against it."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr + ("" if done.returncode == 0 else "refused")


def test_prometheus_has_nothing_against_the_metrics(check: Checked) -> None:
    for name in HOSTS:
        code, text = check(name, "prometheus")
        assert promtool(text) == ""
        assert f"\nmodprobe_ipsec_exit_status {code}\n" in text
    text = said("prometheus", hostile())
    assert promtool(text) == "" and 'counter="XfrmInError"' not in text
    assert max(map(len, text.split("\n"))) < 5 * LINE
    # and it does not take everything
    for wrong in (text + text, text.replace('"} 1', "} 1", 1), text + 'x{a="\\x"} 1\n'):
        assert "refused" in promtool(wrong)
    assert "counter metrics should have" in promtool("# HELP a b\n# TYPE a counter\na 1\n")


def test_prometheus_has_a_series_for_each_verdict(check: Checked) -> None:
    _, text = check("conf-blocked", "prometheus")
    labels = (
        'need="esp.ipv4.tunnel.aes_gcm_16_256",daemon="libreswan",connection="berlin",'
        'protocol="esp",family="ipv4",transform="AES_GCM_16_256"'
    )
    series = dict(re.findall(rf'{re.escape(labels)},verdict="(\w+)"}} (\d)', text))
    assert series.pop("blocked") == "1" and set(series.values()) == {"0"} and len(series) == 5
    assert 'modprobe_ipsec_module_state{module="esp4",request="",state="blocked"} 1\n' in text
    assert 'modprobe_ipsec_xfrm_stat_total{counter="XfrmInNoStates"} 0\n' in text
    assert 'modprobe_ipsec_connections{state="asking"} 5\n' in text


def test_thousands_of_connections_do_not_flood_a_monitor() -> None:
    found = hostile("x")
    sources = tuple(Source("x", conn=f"c{n}", place="/x:1") for n in range(5000))
    needs = tuple(FeatureNeed(f"f{n}", None, sources) for n in range(3))
    verdicts = tuple(found.verdicts[0]._replace(need=need) for need in needs)
    many = found._replace(verdicts=verdicts, demand=Demand(needs))
    for name in formats.names():
        assert len(said(name, many)) < 600_000, name
    text = said("prometheus", many)
    assert promtool(text) == ""
    # each need has one for all that have none of their own
    rest = re.findall(r'need="feature\.f(\d)",daemon="",connection="",.*verdict="blocked"', text)
    assert rest == ["0", "1", "2"]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """node_exporter with the textfile collector alone: its directory, and where it answers."""
    directory = tmp_path_factory.mktemp("textfile")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        "prometheus-node-exporter",
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={directory}",
        f"--web.listen-address={address}",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield directory, f"http://{address}/metrics"
        finally:
            process.terminate()


def scraped(url: str) -> str:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < end, "node_exporter does not answer"
            time.sleep(0.05)


def test_the_textfile_collector_reads_it(check: Checked, exporter: tuple[Path, str]) -> None:
    directory, url = exporter
    file = directory / "modprobe_ipsec.prom"
    for text in (check("conf-blocked", "prometheus")[1], said("prometheus", hostile())):
        file.write_text(text, encoding="utf-8")
        found = scraped(url)
        assert "node_textfile_scrape_error 0\n" in found
        ours = {line for line in text.splitlines() if line.startswith("modprobe_ipsec_need")}
        theirs = [line for line in found.splitlines() if line.startswith("modprobe_ipsec_need")]
        # it sorts labels
        assert len(ours) == len(theirs) > 10
    file.write_text(text + text, encoding="utf-8")
    assert "node_textfile_scrape_error 1\n" in scraped(url)


# source: Monitoring Plugins Development Guidelines, "Performance data" and "Threshold format"
NUMBER = r"-?\d+(\.\d+)?"
RANGE = rf"(@?(~|{NUMBER})?:?({NUMBER})?)?"
UNIT = "(s|us|ms|%|B|KB|MB|TB|c)?"
VALUE = rf"([^\s='|]+|'[^'=|]+')={NUMBER}{UNIT}(;{RANGE}){{0,2}}(;({NUMBER})?){{0,2}}"
PLUGIN = re.compile(rf"IPSEC (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| {VALUE}( {VALUE})*)?\n")


def test_monitoring_plugins(check: Checked) -> None:
    states = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
    for name in HOSTS:
        code, text = check(name, "nagios")
        found = PLUGIN.fullmatch(text)
        assert found and states.index(found[1]) == code == check(name, "text")[0]
    assert PLUGIN.fullmatch(said("nagios", hostile()))
    for wrong in ("IPSEC OK - a | b\n", "IPSEC OK - a | b=1 2\n", "IPSEC OK - a\nb\n", "OK - a\n"):
        assert not PLUGIN.fullmatch(wrong)


def test_other_exit_codes_than_theirs_are_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, ours in (["--nope"], 64), (["--config", str(tmp_path / "none")], 78):
        assert main(["--check", *words]) == ours
        capsys.readouterr()
        assert main(["--check", *words, "--format", "nagios"]) == 3
        assert PLUGIN.fullmatch(capsys.readouterr().out)
        assert main(["--check", *words, "--format=node-problem-detector"]) == 2
        assert len(capsys.readouterr().out.splitlines()) == 1
        assert main(["--check", *words, "--format", "prometheus"]) == ours
        text = capsys.readouterr().out
        assert "\nmodprobe_ipsec_success 0\n" in text and promtool(text) == ""


def test_node_problem_detector(check: Checked) -> None:
    for name, ours in (("conf-blocked", 2), ("booted-6.12", None)):
        code, text = check(name, "node-problem-detector")
        assert code == (1 if ours == 2 else {0: 0, 1: 1}.get(check(name, "text")[0], 2))
        assert len(text.encode()) <= 80 and text.count("\n") == 1 and text.isascii()
    evil = said("node-problem-detector", hostile("\xfc" * 500))
    assert len(evil.encode()) <= 80 and evil.count("\n") == 1
    # source: pkg/custompluginmonitor/types/config.go
    config: dict[str, Any] = json.loads(
        (REPOSITORY / "container/node-problem-detector.json").read_text()
    )
    (condition,), (rule,) = config["conditions"], config["rules"]
    assert config["plugin"] == "custom" and rule["condition"] == condition["type"]
    assert rule["args"][-1] == "node-problem-detector"
    assert config["pluginConfig"]["max_output_length"] == 80


# source: docs/usage/customization-guide.md of node-feature-discovery, and Kubernetes' label syntax
LABEL = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
EXPIRY = re.compile(r"# \+expiry-time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def features(text: str) -> dict[str, str]:
    """A feature file, read; fails if it is none."""
    assert len(text.encode()) <= 1 << 16
    lines = text.splitlines()
    assert [bool(EXPIRY.fullmatch(line)) for line in lines if line.startswith("# +")] == [True]
    pairs: list[list[str]] = [line.split("=") for line in lines if not line.startswith("#")]
    assert all(LABEL.fullmatch(name) and LABEL.fullmatch(value) for name, value in pairs)
    assert len({name for name, _ in pairs}) == len(pairs), "a label twice"
    return dict(pairs)


def test_node_feature_discovery(check: Checked, capsys: pytest.CaptureFixture[str]) -> None:
    for name in HOSTS:
        code, text = check(name, "node-feature-discovery")
        assert features(text)["ipsec.ready"] == ("true" if code == 0 else "false")
    found = features(check("conf-blocked", "node-feature-discovery")[1])
    assert found["ipsec.esp.ipv4.aes_gcm_16_256"] == "blocked"
    assert found["ipsec.xfrm_socket"] == "loadable"
    assert "1.2" in said("node-feature-discovery", hostile())
    features(said("node-feature-discovery", hostile()))
    main(["--check", "--all", "--format", "node-feature-discovery"])
    assert len(features(capsys.readouterr().out)) == 101
    for wrong in ("a b=c\n", "x=" + "y" * 64 + "\n", "a=1\na=1\n", "-a=1\n"):
        with pytest.raises(AssertionError):
            features("# +expiry-time=2026-01-01T00:00:00Z\n" + wrong)
    assert features(formats.failure("node-feature-discovery", ConfigError("x"), Run())) == {
        "ipsec.ready": "false"
    }


def tidy(text: str) -> str:
    """What HTML Tidy has against a page."""
    done = subprocess.run(
        ["tidy", "-quiet", "-errors", "-utf8"],
        input=text.encode("utf-8"), capture_output=True, timeout=60,
    )  # fmt: skip
    return done.stderr.decode()


def test_the_page_is_html_and_asks_for_nothing_from_elsewhere(check: Checked) -> None:
    pages = [check(name, "html")[1] for name in HOSTS] + [said("html", hostile())]
    for page in pages:
        assert tidy(page) == ""
        tags = set(re.findall(r"<([a-z]+\d?)", page))
        assert not tags & {"script", "img", "link", "iframe", "object", "form", "a", "base"}
        assert not re.search(r"url\(|@import|\bon\w+=|src=|href=", page)
        assert "default-src 'none'" in page and 'name="viewport"' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[-1]
    assert not re.search(r"[^\n\x20-\x7e\xfc]", pages[-1])
    for wrong in ("<p>a</i>", pages[0].replace("</table>", "", 1), pages[0].replace("</h1>", "")):
        assert tidy(wrong)


def test_the_page_has_causes_connections_needs_and_evidence(check: Checked) -> None:
    _, page = check("conf-blocked", "html")
    text = re.sub(r"<[^>]+>", " ", page)
    for expected in (
        "esp4 is blocked by /etc/modprobe.d/dirtyfrag.conf:2: install esp4 /bin/false",
        "berlin (/etc/ipsec.conf:3)",
        "What is needed",
        "xfrm-type-2-50",
    ):
        assert expected in text
    code, page = check("booted-6.12", "html")
    assert code == 1 and '<span class="s1">not ready yet</span>' in page


def test_the_judges_are_there() -> None:
    assert all(map(shutil.which, ("promtool", "prometheus-node-exporter", "tidy")))
