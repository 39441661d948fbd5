# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan's proposals, swanctl.conf and ipsec.conf."""
