#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# libreswan's readwriteconf writes an ipsec.conf that means something else, and that it then refuses itself.
#
# Version:  libreswan 4.10-2+deb12u1 (Debian 12)
# Expected: what a program of this name writes can be read again, and says the same. It is what there is to see the
#           effective configuration (`also=` and `%default` resolved).
# Seen:     times are written in milliseconds without a unit, so that they read as seconds (dpddelay=30 becomes
#           30000, about 8 hours, and 1000 times more with every round); keys whose value is a word of a list
#           (ipsec-interface, ikev1-policy) are written without value; the ESP proposals stand a second time as ah=.
#           Read again, each connection is refused for duplicate keys, and its ends are lost; the exit
#           status is 0 all along. Compare names and texts with it, nothing else.
# Source:   libreswan lib/libipsecconf/confwrite.c
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download libreswan=4.10-2+deb12u1 \
    libunbound8=1.17.1-2+deb12u4 libnss3=2:3.87.1-1+deb12u4 libevent-2.1-7=2.1.12-stable-8+deb12u1
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/root" -name 'libunbound.so.8')")
export LD_LIBRARY_PATH
cat >first.conf <<'EOF'
conn office
	left=192.0.2.1
	right=192.0.2.2
	dpddelay=30
	compress=yes
	ipsec-interface=3
	esp=aes256-sha2_512
EOF
said() { root/usr/libexec/ipsec/readwriteconf --config "$1"; }

said first.conf >second.conf
said second.conf >third.conf 2>errors
for line in 'dpddelay=30000' 'ipsec-interface=' 'ah=aes256-sha2_512'; do
    grep -qx "	$line" second.conf || { cat second.conf; echo "no longer writes: $line"; exit 1; }
done
grep -q "duplicate key 'compress'" errors || { cat errors; echo 'no longer refused'; exit 1; }
grep -qx '	dpddelay=30000000' third.conf || { cat third.conf; echo 'the second round differs'; exit 1; }
! grep -q '192.0.2' third.conf || { cat third.conf; echo 'the ends are kept now'; exit 1; }
echo "as found: dpddelay=30 -> 30000 -> 30000000; read again: $(head -1 errors)"
