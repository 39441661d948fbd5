#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# libreswan refuses the one way to say "either" that its manual gives for authby=, and the connection with it.
#
# Version:  libreswan 4.10-2+deb12u1 (Debian 12)
# Expected: ipsec.conf(5), authby: "secret|rsasig for either". A list reads the same with blanks after its commas.
# Seen:     authby=secret|rsasig: "connection authby= value is unknown"; the connection is left out, the exit status
#           is 0. "secret,rsasig" and "secret rsasig" are taken; "secret, rsasig" is refused like the manual's, as a
#           comma and a blank are two separators with an empty word between them.
# Source:   libreswan lib/libipsecconf/confread.c (authby); ipsec.conf(5)
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download libreswan=4.10-2+deb12u1 \
    libunbound8=1.17.1-2+deb12u4 libnss3=2:3.87.1-1+deb12u4 libevent-2.1-7=2.1.12-stable-8+deb12u1
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/root" -name 'libunbound.so.8')")
export LD_LIBRARY_PATH
gzip -dc root/usr/share/man/man5/ipsec.conf.5.gz | grep -qF 'secret|rsasig' ||
    { echo 'the manual no longer has it'; exit 1; }

taken() { # VALUE: whether a connection with this authby= keeps its ends
    printf 'conn office\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby="%s"\n' "$1" >ipsec.conf
    said=$(root/usr/libexec/ipsec/readwriteconf --config ipsec.conf 2>&1) || exit 1
    case $said in
    *'authby= value is unknown'*) echo refused ;;
    *left=192.0.2.1*) echo taken ;;
    *) echo "$said" ;;
    esac
}
for value in 'secret|rsasig' 'secret, rsasig' 'secret,rsasig' 'secret rsasig'; do
    echo "$value: $(taken "$value")"
done >found
cat >expected <<'EOF'
secret|rsasig: refused
secret, rsasig: refused
secret,rsasig: taken
secret rsasig: taken
EOF
diff expected found || { echo 'not as it was'; exit 1; }
echo 'as found:'
cat found
