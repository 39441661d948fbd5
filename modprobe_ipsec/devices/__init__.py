# SPDX-License-Identifier: GPL-3.0-or-later
"""Network cards, and what they say they can do for ESP.

Asked only where a configuration wants a card's offload: importing the two libraries costs more than
a whole check. `udev` alone imports pyudev (which cards there are, whose driver, on which bus),
`ethtool` alone pyroute2 (what a card's driver has switched on); `survey` puts both together. To ask
for one more of a card's features, name it in `survey.FEATURES`.
"""
