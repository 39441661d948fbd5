# SPDX-License-Identifier: GPL-3.0-or-later
"""strongSwan's files together: strongswan.conf and either swanctl.conf or starter's ipsec.conf."""

from modprobe_ipsec.base.annotations import Callable
from modprobe_ipsec.daemons.common.descriptor import Context
from modprobe_ipsec.daemons.common.form import Setting
from modprobe_ipsec.daemons.strongswan import (
    DAEMON,
    swanctl,
)
from modprobe_ipsec.daemons.strongswan import (
    daemon as strongswan_daemon,
)
from modprobe_ipsec.daemons.strongswan import (
    starter as strongswan_starter,
)
from modprobe_ipsec.daemons.strongswan.options import StrongswanOptions, build
from modprobe_ipsec.daemons.strongswan.values import Values
from modprobe_ipsec.needs.need import merge
from modprobe_ipsec.needs.reading import Files, Reading

_STRONGSWAN_CONF = ("/etc/strongswan.conf", "/etc/strongswan/strongswan.conf")


def read_swanctl(path: str, files: Files, context: Context) -> Reading:
    """A swanctl.conf, as charon-systemd has it loaded. Raises ConfigError."""
    return _read(path, files, context, swanctl.read, "charon-systemd")


def read_starter(path: str, files: Files, context: Context) -> Reading:
    """An ipsec.conf of strongSwan's, as starter reads it for charon. Raises ConfigError."""
    return _read(path, files, context, strongswan_starter.read, "charon")


def ipsec_conf(files: Files, context: Context) -> str:
    """Where strongswan.conf puts the ipsec.conf of starter; empty if it does not say."""
    conf = strongswan_daemon.read(_conf(files), files, options=_options(context), daemon="charon")
    return conf.ipsec_conf


def starter_knows(context: Context) -> Callable[[Setting], bool]:
    """What tells whether starter knows a line of an ipsec.conf."""
    options = _options(context)
    values = Values(context.catalog, options, swanctl=False)
    return lambda setting: strongswan_starter.knows(setting, options, values)


def _read(
    path: str, files: Files, context: Context, read: Callable[..., Reading], daemon: str
) -> Reading:
    """The connections of a file, and what charon itself asks for.

    What charon only tries at its start (`conf.optional`) is left out: it goes on without.
    """
    options = _options(context)
    conf = strongswan_daemon.read(_conf(files), files, options=options, daemon=daemon)
    reading = read(
        path,
        files,
        context.catalog,
        options=options,
        families=context.families,
        daemon_conf=conf,
        release=context.release,
    )
    # the plugin that is loaded first serves IPsec; another opens no socket for it
    # source: kernel_interface.c add_ipsec_interface
    start = DAEMON.start_needs if conf.kernel == "netlink" else ()
    return reading._replace(
        features=merge((*start, *conf.features, *reading.features)),
        problems=(*conf.problems, *reading.problems),
    )


def _options(context: Context) -> StrongswanOptions:
    return build(context.tree(DAEMON.name))


def _conf(files: Files) -> str:
    return next((path for path in _STRONGSWAN_CONF if files.exists(path)), _STRONGSWAN_CONF[0])
