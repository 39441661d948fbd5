# SPDX-License-Identifier: GPL-3.0-or-later
"""Real kernels: fetch them, boot them under QEMU's software emulation, run a command inside."""
