#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# scapy's ESP with AES-GCM takes a length for the ICV, and always makes and wants 16 bytes.
#
# Version:  scapy 2.8.0, cryptography 50.0.2
# Expected: SecurityAssociation(ESP, crypt_algo="AES-GCM", crypt_icv_size=8) speaks RFC 4106 with the ICV of 8 bytes
#           (the kernel's `rfc4106(gcm(aes)) KEY 64`), as crypt_icv_size=8 does for AES-CCM.
# Seen:     what it encrypts carries 16 bytes of ICV; a right packet with 8 is refused with IPSecIntegrityError. So a
#           check of a kernel's packets with scapy calls aes_gcm_a and aes128gcm8 broken that are not. (All else that
#           Linux 6.1 sent was read right: GCM-16, GMAC, CCM-8/-16, ChaCha20, CBC, CTR, NULL and AH with each
#           integrity algorithm, ESN, tunnel, UDP.)
# Source:   scapy layers/ipsec.py CryptAlgo.encrypt(): tag_length goes to AESCCM alone; cryptography's AESGCM has
#           one length
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install --quiet scapy==2.8.0 cryptography==50.0.2
cat >"$here/icv.py" <<'EOF'
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, IPSecIntegrityError, SecurityAssociation
from scapy.packet import Raw, raw

KEY, SALT, SPI, SEQUENCE, IV = bytes(range(16)), b"salt", 0x100, 1, bytes(8)
plain = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / Raw(b"16 bytes of text")


def association(algorithm, key):
    return SecurityAssociation(ESP, spi=SPI, crypt_algo=algorithm, crypt_key=key, crypt_icv_size=8)


def icv_length(algorithm, key):
    made = association(algorithm, key).encrypt(plain, seq_num=SEQUENCE)
    # UDP of 24 bytes, padding to a multiple of four with its length and the next header: 28; before it the IV
    return len(made[ESP].data) - 8 - 28


print("AES-CCM: an ICV of", icv_length("AES-CCM", KEY + b"sal"), "bytes")
print("AES-GCM: an ICV of", icv_length("AES-GCM", KEY + SALT), "bytes")

# RFC 4106 by hand: nonce = salt + IV, additional data = SPI + sequence number, the tag cut to 8 bytes
head = SPI.to_bytes(4, "big") + SEQUENCE.to_bytes(4, "big")
body = raw(plain)[20:] + b"\x01\x02" + bytes([2, 17])
sealed = AESGCM(KEY).encrypt(SALT + IV, body, head)[:-8]
packet = IP(src="192.0.2.1", dst="192.0.2.2", proto=50) / Raw(head + IV + sealed)
try:
    association("AES-GCM", KEY + SALT).decrypt(IP(raw(packet)))
    print("AES-GCM with 8 bytes: read")
except IPSecIntegrityError:
    print("AES-GCM with 8 bytes: IPSecIntegrityError")
EOF
"$here/venv/bin/python" "$here/icv.py" >"$here/said" 2>"$here/errors" || { cat "$here/errors"; exit 1; }
cat >"$here/expected" <<'EOF'
AES-CCM: an ICV of 8 bytes
AES-GCM: an ICV of 16 bytes
AES-GCM with 8 bytes: IPSecIntegrityError
EOF
diff "$here/expected" "$here/said" || { echo 'not as it was'; exit 1; }
echo 'as found:'
cat "$here/said"
