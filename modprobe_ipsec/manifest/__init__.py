# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host must do for an IKE daemon: one model, many writers."""
