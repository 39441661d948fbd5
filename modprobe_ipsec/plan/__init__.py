# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs and facts -> what to load, and a verdict.

`planner` goes the way of a need from request to plan; `forecast` makes the rounds; `judge` makes
one verdict a need of plan, load results and proofs; `meaning` puts the kernel's answers into words.
Nothing registers itself here: what one more answer of the kernel means is a case in `meaning`; one
more verdict would be a promise to all who read the report (docs/json.md).
"""
