# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host must do for an IKE daemon in a container: one model, many formats.

`make` writes down needs and one host's facts as a HostPlan (`model`), `read` takes one back from
whoever hands it over, `compare` tells two apart. A format is one file in `handover`, `hosts`,
`engines`, `containers` or `kubernetes`, named for what `--manifest` calls it (cloud_init.py is
cloud-init), that holds a `FORMAT`; `formats` finds it there, and nothing else needs touching. A
file whose name begins with an underscore is what the formats of one directory share.
"""
