# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away network. What packets do on real kernels is in tests/vm/suites/test_lab.py."""
