#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# OpenIKED on Linux drops `childsa enc aes-256-gcm` without a word, and calls the configuration OK.
#
# Version:  openiked 7.2-1 (Debian 12), libevent-core-2.1-7 2.1.12-stable-8+deb12u1
# Expected: `iked -n -vv` shows the childsa clause that iked.conf(5) has in its own example, or an error.
#           AES-GCM has "[ESP only]" and plain rows in that page's table of ciphers.
# Seen:     "configuration OK"; the policy that is printed has no childsa at all, while the same line with
#           AES-CBC keeps it. (On Linux the AEADs are compiled out, as PF_KEY has no way to say them; the
#           clause that is left empty vanishes. The daemon then offers no SA in IKE_AUTH.)
# Source:   iked/parse.y (ipsecencxfs, #if for Linux), iked.conf(5); seen with iked 7.4 of Debian 13 as well
#
# Needs root or unprivileged user namespaces: iked wants a user _iked, which it gets in a private /etc/passwd.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
apt-get -qq -o APT::Sandbox::User=root download openiked=7.2-1 \
    libevent-core-2.1-7=2.1.12-stable-8+deb12u1
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$here/root" -name 'libevent_core-2.1.so.7')")
export LD_LIBRARY_PATH
{ cat /etc/passwd; echo '_iked:x:65533:65533::/nonexistent:/usr/sbin/nologin'; } >passwd
user=
[ "$(id -u)" -eq 0 ] || user=--map-root-user

shown() { # CIPHER: what iked makes of a policy with this childsa
    cat >iked.conf <<EOF
ikev2 "office" esp from 10.0.0.0/24 to 10.1.0.0/24 peer 192.0.2.2 \\
    ikesa enc aes-256 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519 \\
    childsa enc $1 \\
    psk "example"
EOF
    chmod 600 iked.conf
    unshare --mount $user sh -c \
        'mount --bind passwd /etc/passwd && exec root/usr/sbin/iked -n -vv -f iked.conf' 2>&1
}

shown 'aes-256 auth hmac-sha2-256' >cbc
shown aes-256-gcm >gcm
grep -q 'childsa enc aes-256 auth hmac-sha2-256' cbc || { cat cbc; echo 'CBC: not as it was'; exit 1; }
grep -q 'configuration OK' gcm || { cat gcm; echo 'GCM: no longer called OK'; exit 1; }
! grep -q childsa gcm || { cat gcm; echo 'GCM: the clause is kept now'; exit 1; }
echo 'as found: AES-CBC is kept; with AES-GCM there is no childsa, and the configuration is "OK"'
