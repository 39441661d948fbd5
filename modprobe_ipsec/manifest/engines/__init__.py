# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats for container engines: Docker, Podman, and what both read."""
