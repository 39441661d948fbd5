# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up configurations: mostly in order, with all that parsers stumble over."""

from random import Random

NAMES = ("a", "b", "c", "d", '"e f"', "{g}", "%default", "a")
TEXTS = (
    "aes",
    "aes128-sha1",
    '"aes128-sha1"',
    "{aes256-sha2}",
    '"aes gcm"',
    "3des",
    "aes_gcm256,aes256-sha2",
    'a"b',
    '"a"b',
    "{a}b",
    "{a b} # {c}",
    "a{b",
    "a=b",
    "=b",
    "%forever",
    "@id",
    "CN=x",
    "'x'",
    "a\\",
)
OPTIONS = (
    ("esp", TEXTS),
    ("ESP", TEXTS),
    ("ike", TEXTS),
    ("leftid", TEXTS),
    ("modecfgbanner", TEXTS),
    ("rightid", ("@r", '"CN=x, O=y"')),
    ("pfs", ("yes", "no", "TRUE", "off")),
    ("auto", ("add", "ignore", "start", "ondemand")),
    ("type", ("tunnel", "transport")),
    ("compress", ("yes", "no")),
    ("phase2", ("esp", "ah")),
    ("ikev2", ("yes", "no", "insist")),
    ("esn", ("yes", "no", "either")),
    ("replay-window", ("0", "64", "128", "064")),
    ("ikelifetime", ("1h", "60m", "3600", "3600s", "8h")),
    ("salifetime", ("1h", "8h")),
    ("keylife", ("1h", "2h")),
    ("leftsubnets", ("10.0.0.0/24", "{10.0.0.0/24,10.0.1.0/24}")),
    ("also", ("a", "b", "c", "d", '"e f"', "g", "none")),
    ("also", ("a", "b", "c", "d")),
    ("x-comment", ('some "thing" or = other', "y")),
)
ODD_LINES = (
    "\tx_y",
    "\tesp aes = 3des",
    '\tesp"x"=3des',
    "",
    "   ",
    "# comment",
    "\t# comment",
    "#comment",
)
BROKEN_LINES = (
    "\tleftid=a b",
    "\tleftid=@x #y",
    "\tleftid=@x #",
    '\tleftid="a',
    '\tleftid="a b',
    "\tleftid={a b",
    "\tleftid",
    "\tnosuch=1",
    "\tauto=nonsense",
    "\tconn y",
    "esp=aes",
    "conn",
    "config",
    "config  setup x",
    "conn two words",
    "\t=x",
    '\t"esp"=x',
    "foo",
    "\tesp=aes\r",
    "version 2",
)
# Without the letters n and y: 4.10 looks for a boolean even in the comment behind a wrong one.
TAILS = ("", "", "", " ", "\t# as is", " # esp=3des", "  #a b", '  # "')


def config(random: Random) -> dict[str, str]:
    """Some files, /etc/ipsec.conf the first."""
    files = {"/etc/ipsec.conf": _file(random, 0, broken=0.02)}
    for name in ("x.conf", "y.conf"):
        if random.random() < 0.5:
            files[f"/etc/ipsec.d/{name}"] = _file(random, 1, broken=0.02)
    return files


def _file(random: Random, depth: int, broken: float) -> str:
    lines = [random.choice(("# made up", "version 2.0", ""))] if depth == 0 else []
    for _ in range(random.randrange(1, 6)):
        kind = random.random()
        if kind < 0.1:
            lines.append("config setup" + random.choice(TAILS))
            lines += ["\tnhelpers=0", " logfile = /tmp/x"][: random.randrange(3)]
        elif kind < 0.2 and depth == 0:
            pattern = ("/etc/ipsec.d/*.conf", "etc/ipsec.d/x.conf", "/etc/none.conf", "/etc/*.none")
            tail = random.choice([tail for tail in TAILS if "=" not in tail])
            lines.append(f"include {random.choice(pattern)}{tail}")
        else:
            lines += _conn(random, broken)
    # without an end of line, a section goes on behind the include
    return "\n".join(lines) + "\n" * (random.random() < 0.9)


def _conn(random: Random, broken: float) -> list[str]:
    between = random.choice((" ", "\t", "  "))
    lines = [f"conn{between}{random.choice(NAMES)}{random.choice(TAILS)}"]
    for key, values in random.sample(OPTIONS, random.randrange(6)):
        start, before, after = (
            random.choice(blanks) for blanks in (("\t", "  "), ("", " "), ("", "\t"))
        )
        lines.append(f"{start}{key}{before}={after}{random.choice(values)}{random.choice(TAILS)}")
        if random.random() < 0.1:
            lines.append(random.choice(ODD_LINES))
        if random.random() < broken:
            lines.append(random.choice(BROKEN_LINES))
    return lines


def mutated(random: Random, files: dict[str, str]) -> dict[str, str]:
    """The same with some characters or lines changed, doubled, lost or moved."""
    result = dict(files)
    for _ in range(random.randrange(1, 6)):
        path = random.choice(list(result))
        text = result[path]
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 1, 1, 5, 40, 400)))
        new = random.choice(
            (
                "",
                "\n",
                "\t",
                " ",
                "#",
                '"',
                "{",
                "}",
                "=",
                "\r",
                "\0",
                "\\\n",
                "\x85",
                "\u2028",
                "\ud7ff",
                "\xff",
                "conn ",
                "\nconn %default\n",
                "\n\talso=a",
                "\ninclude /etc/*\n",
                "\ninclude /etc/ipsec.d/*.conf\n",
                chr(random.randrange(1, 0xD800)),
                "9" * 50,
                text[start:end] * 3,
                text[: start % 200],
            )
        )
        result[path] = text[:start] + new + text[end:]
    return result
