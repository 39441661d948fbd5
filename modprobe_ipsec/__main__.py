# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 -I -m modprobe_ipsec`: nothing of the environment decides which code root runs."""

from modprobe_ipsec.cli import entry

entry()
