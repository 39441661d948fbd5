# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel must be able to do, because of what, and how it was proven: values only.

Daemons make needs (`need`, `reading`), everything behind them works on needs and knows no daemon;
`proof` is the kernel's answer to one. An SA is a `Need`, whatever else is asked for a `FeatureNeed`
by its name in data/features.yaml: one more takes a row there (docs/adding-one.md) and nothing here.
"""
