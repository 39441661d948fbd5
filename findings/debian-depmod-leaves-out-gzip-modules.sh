#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's depmod leaves modules that end in .ko.gz out of the index, says nothing, and ends with 0.
#
# Version:  kmod 30+20221128-1 (Debian 12), built with -ZLIB
# Expected: a module file that depmod cannot read is named, as one is that it cannot parse ("failed to load symbols").
# Seen:     with the same module as .ko, .ko.xz and .ko.gz in a tree, modules.dep has the first two; neither text nor
#           status tells of the third. Alpine and others ship .ko.gz: whoever runs depmod of a Debian container or
#           image builder over such a tree makes every module in it unknown, esp4 like all others.
# Source:   kmod shared/util.c (kmod_exts: ".ko.gz" only #ifdef ENABLE_ZLIB); Debian's debian/rules
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download kmod=30+20221128-1 libkmod2=30+20221128-1
for package in *.deb; do dpkg-deb -x "$package" tool; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/tool" -name 'libkmod.so.2')")
export LD_LIBRARY_PATH
ln -s kmod tool/bin/depmod

# the smallest file that depmod takes for a module: ELF without sections
modules=tree/lib/modules/6.1.0
mkdir -p $modules/kernel
printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\001\0>\0\001\0\0\0' >$modules/kernel/plain.ko
head -c 40 /dev/zero >>$modules/kernel/plain.ko
gzip -c $modules/kernel/plain.ko >$modules/kernel/in_gzip.ko.gz
xz -c $modules/kernel/plain.ko >$modules/kernel/in_xz.ko.xz
: >$modules/modules.order
: >$modules/modules.builtin
: >$modules/modules.builtin.modinfo
tool/bin/depmod -b tree 6.1.0 2>said || { cat said; echo "now it ends with $?"; exit 1; }
found=$(cut -d: -f1 $modules/modules.dep | sort | tr '\n' ' ')
[ "$found" = 'kernel/in_xz.ko.xz kernel/plain.ko ' ] || { echo "now modules.dep has: $found"; exit 1; }
! grep -q in_gzip said || { cat said; echo 'the file is named now'; exit 1; }
echo "as found: $(tool/bin/kmod --version | sed -n 2p | cut -d' ' -f1-3), and modules.dep has $found"
