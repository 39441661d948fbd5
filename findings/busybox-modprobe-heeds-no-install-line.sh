#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# BusyBox's modprobe does not know modprobe.d's `install`: what kmod's refuses by it, BusyBox's loads.
#
# Version:  busybox-static 1:1.35.0-4+deb12u1+b1 beside kmod 30+20221128-1 (Debian 12)
# Expected: one modprobe.d, one answer: since 2026 distributions forbid modules by `install esp4 /bin/false` there,
#           and the kernel asks whatever /sbin/modprobe is.
# Seen:     for a module with such a line kmod's `modprobe --show-depends` names the command, BusyBox's
#           `modprobe -D` the module. `blacklist` counts for both where it is asked for (-b). So on a machine whose
#           kernel.modprobe is BusyBox's, as on small images, a mitigation by `install` forbids nothing.
# Source:   busybox modutils/modprobe.c, config_action(): alias, options, include, blacklist and softdep are its words
#
# Needs root or unprivileged user namespaces (chroot).
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download busybox-static=1:1.35.0-4+deb12u1+b1 \
    kmod=30+20221128-1 libkmod2=30+20221128-1
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/root" -name 'libkmod.so.2')")
export LD_LIBRARY_PATH
ln -s kmod root/bin/modprobe
ln -s kmod root/bin/depmod
in_root=chroot
[ "$(id -u)" -eq 0 ] || in_root='unshare --map-root-user chroot'

# a tree with one module, the smallest that depmod takes: an ELF file without symbols
release=$(uname -r)
modules=root/lib/modules/$release
mkdir -p "$modules/kernel" root/etc/modprobe.d
printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\001\0>\0\001\0\0\0' >"$modules/kernel/b.ko"
head -c 40 /dev/zero >>"$modules/kernel/b.ko"
: >"$modules/modules.order"
: >"$modules/modules.builtin"
root/bin/depmod -b root "$release" 2>/dev/null

of_kmod() { root/bin/modprobe -d "$here/root" -C root/etc/modprobe.d -S "$release" "$@" --show-depends b; }
of_busybox() { $in_root root /bin/busybox modprobe "$@" -D b; }
rule() { echo "$1" >root/etc/modprobe.d/rule.conf; }

rule 'install b /bin/false'
case $(of_kmod) in *'install /bin/false'*) ;; *) echo "kmod: now $(of_kmod)"; exit 1 ;; esac
case $(of_busybox) in insmod*b.ko*) ;; *) echo "BusyBox: now $(of_busybox)"; exit 1 ;; esac
echo "as found: kmod: $(of_kmod)"
echo "          BusyBox: $(of_busybox)"
rule 'blacklist b'
[ -z "$(of_kmod -b)" ] || { echo 'kmod: no blacklist now'; exit 1; }
[ -z "$(of_busybox -b)" ] || { echo 'BusyBox: no blacklist now'; exit 1; }
