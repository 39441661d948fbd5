#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `modprobe -d ROOT` looks modules up in ROOT and obeys the modprobe.d of the machine it runs on.
#
# Version:  kmod 30+20221128-1 (Debian 12)
# Expected: -d, --dirname=DIR, "Root directory for modules": a tree checked with it is judged by its own
#           ROOT/etc/modprobe.d, as a system that boots from it would be.
# Seen:     ROOT/etc/modprobe.d is not read: `install b /bin/false` in it changes nothing; the running
#           machine's files (and its kernel command line) count for ROOT's modules. With -C ROOT/etc/modprobe.d
#           the line is obeyed. So `modprobe -d IMAGE --show-depends esp4` says nothing about a block in IMAGE.
# Source:   kmod tools/modprobe.c (-d makes only the directory of the modules, `kmod_new(dirname, config_paths)`
#           has the built-in paths of the configuration); modprobe(8)
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download kmod=30+20221128-1 libkmod2=30+20221128-1
for package in *.deb; do dpkg-deb -x "$package" tool; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/tool" -name 'libkmod.so.2')")
export LD_LIBRARY_PATH
ln -s kmod tool/bin/modprobe
ln -s kmod tool/bin/depmod

# a tree with one module, the smallest that depmod takes: an ELF file without symbols
modules=tree/lib/modules/6.1.0
mkdir -p $modules/kernel tree/etc/modprobe.d
printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\001\0>\0\001\0\0\0' >$modules/kernel/b.ko
head -c 40 /dev/zero >>$modules/kernel/b.ko
: >$modules/modules.order
: >$modules/modules.builtin
tool/bin/depmod -b tree 6.1.0 2>/dev/null
echo 'install b /bin/false' >tree/etc/modprobe.d/block.conf

plain=$(tool/bin/modprobe -d "$here/tree" -S 6.1.0 --show-depends b)
with=$(tool/bin/modprobe -d "$here/tree" -C "$here/tree/etc/modprobe.d" -S 6.1.0 --show-depends b)
case $plain in *insmod*b.ko*) ;; *) echo "now: $plain"; exit 1 ;; esac
case $with in *'install /bin/false'*) ;; *) echo "with -C: $with"; exit 1 ;; esac
echo "as found: without -C: $plain"
echo "          with -C:    $with"
