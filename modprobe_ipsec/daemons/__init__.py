# SPDX-License-Identifier: GPL-3.0-or-later
"""What IKE daemons ask the kernel for: proposals, configurations, which of them counts."""
