# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments -> one verb -> an exit code; the only room that prints and ends the program.

`options` is the table from which the command line, its help, the manual page and the completions
are made; `verbs/` has one file for each thing to do; `main` turns errors into a line and an exit
code; `engine` is what all runs share, the container hook's included. docs/adding-one.md says how an
option or a verb is added.
"""
