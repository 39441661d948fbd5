# SPDX-License-Identifier: GPL-3.0-or-later
"""ovn-kubernetes on a node: Open vSwitch's own program, in a pod, drives the node's IKE daemon.

source: OpenShift cluster-network-operator, bindata/network/ovn-kubernetes/common/ipsec-host.yaml
"""

from modprobe_ipsec.daemons.others import OtherReader
from modprobe_ipsec.daemons.others.openvswitch_ipsec import read

READER = OtherReader(host=read)
