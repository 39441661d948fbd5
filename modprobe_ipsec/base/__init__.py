# SPDX-License-Identifier: GPL-3.0-or-later
"""What every room may use: errors and exit codes, names, versions, values.

`annotations` and `value` stand for `typing`, `collections.abc`, `enum` and typing.NamedTuple, which
take longer to import than a quick check may: import these names from here.
"""
