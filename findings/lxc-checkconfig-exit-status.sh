#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# lxc-checkconfig ends with 0 when items that it calls "required" are not there.
#
# Version:  lxc 1:5.0.2-1+deb12u4 (Debian 12)
# Expected: a check that prints "required" for what a kernel lacks ends with a status that says so; scripts that
#           prepare container hosts call it for its status.
# Seen:     with CONFIG_IPC_NS, CONFIG_PID_NS and CONFIG_VETH not set it prints "required" or "missing" for each
#           and ends with 0. Only a configuration that cannot be found makes it 1. A caller has to read the text.
# Source:   lxc src/lxc/cmd/lxc-checkconfig.in (no exit after the checks)
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download lxc=1:5.0.2-1+deb12u4
dpkg-deb -x lxc_*.deb root
cat >config <<'EOF'
# Linux/x86 6.1.0 Kernel Configuration
CONFIG_NAMESPACES=y
CONFIG_NET_NS=y
# CONFIG_IPC_NS is not set
# CONFIG_PID_NS is not set
# CONFIG_VETH is not set
EOF
status=0
CONFIG=$here/config sh root/usr/bin/lxc-checkconfig >said 2>&1 || status=$?
grep -q 'Pid namespace:.*required' said || { cat said; echo 'no longer "required"'; exit 1; }
[ "$status" -eq 0 ] || { echo "now it ends with $status"; exit 1; }
CONFIG=$here/none sh root/usr/bin/lxc-checkconfig >/dev/null 2>&1 && { echo 'no config: 0 now'; exit 1; }
echo "as found: $(grep -c 'required\|missing' said) items required or missing, exit status 0"
