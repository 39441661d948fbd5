# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that the daemons' own parsers just take, and just reject: the same for us and for them."""

_CHILD = "connections { a { remote_addrs = 192.0.2.1\n children { c { esp_proposals = aes128gcm16\n"
_END = "} } } }\n"
_GOOD = _CHILD + _END

SWANCTL_TAKEN = (
    _GOOD,
    "",
    "# only a comment",
    _GOOD + "include = value\n",
    _GOOD + "include=value\n",
    _GOOD + "include nothing-at-all\n",
    _GOOD + "include  \n",
    _GOOD.rstrip("\n"),
    _CHILD.rstrip("\n") + "}}}}",
    _CHILD + 'mode = "transport"' + "\n" + _END,
    _CHILD + 'updown = a "b  c"   d' + "\n" + _END,
    _CHILD + "updown = a = b { : , . x\n" + _END,
    _CHILD + "mode\n\n# comment\n= transport\n" + _END,
    _CHILD + "mode =\n" + _END,
    _CHILD + 'esp_proposals = ""\n' + _END,
    _CHILD + "esp_proposals = , ,\n" + _END,
    _CHILD + "esp_proposals = 'aes256gcm16' \"aes128-sha1\"\n" + _END,
    _CHILD + "esp_proposals = ---aes256gcm16--\n" + _END,
    _CHILD + "mode = TransPort# comment\n" + _END,
    _CHILD + "mo\\de = x\n" + _END,
    _CHILD + "mode = transport\r\r\n" + _END,
    "base\n:\nother\n,third # x\n{ }\n" + _GOOD,
    "base : other.deep.er { }\n" + _GOOD,
    "connections : elsewhere { }\nelsewhere { a { children { c { mode = beet\n} } } }\n",
    "connections { a : connections.a.children { children { c { mode = beet\n} } } }\n",
    "connections { a : b { } }\nb : connections.c { }\n"
    "connections { c : b { children { c { } } } }\n",
    "connections { a { children : kids { } } b : connections.a { } }\n"
    "kids { one { mode = transport\n} two : kids.one { reqid = 1\n} }\n",
    "connections { a { children { x : connections.a.children.y { }\n"
    "y : connections.a.children.x { mode = transport\n} } } }\n",
    "connections { a : t { children { net { mode =\n} } } }\n"
    "t { children { net { mode = beet\n} } }\n",
    "connections { a : t, u { children { net { } } } }\n"
    "t { children { net { mode = beet\n} } }\nu { children { net { mode = pass\n} more { } } }\n",
    "connections { \u00e4 { children { c { } } } b { children { \u4e2d { } } } }\n",
    "connections { a { local { id = \u00e4\n} children { c { } } } }\n",
    'connections { a { local { id = "a\\tb"\n} children { c { } } } }\n',
    "connections { a { children { c { \u00e4 = 1\n} } } b { children { c { } } } }\n",
    "connections { a { CHILDREN { c { } } Local-x { } remote7 { } } }\n",
    "connections { a { children { c { local_ts = 10.0.0.0/8,fe80::/10\n} } } }\n",
    "connections { a { children { c { replay_window = 0x20\n} } } }\n",
    "connections { a { children { c { replay_window = -1\n} } } }\n",
    "connections { a { children { c { rekey_time = 1 h\n rekey_bytes = 5G\n} } } }\n",
    "connections { a { children { c { mark_in = %unique/0xff\n mark_out = 010/9\n} } } }\n",
    "connections { a { children { c { set_mark_in = %same/7\n if_id_in = %UNIQUE-dir\n} } } }\n",
    "connections { a { children { c { start_action = start|trap\nclose_action = RESTART\n} } } }\n",
    "connections { a { proposals = aes256gcm16-prfsha384-ecp384, aes128-sha1-none-modp1024\n"
    "children { c { } } } }\n",
    "connections { a { local_addrs = \n remote_addrs = ,\n children { c { } } } }\n",
    "connections { a { local_addrs = 1.2.3.4.5, ::1::2, what ever\n children { c { } } } }\n",
    "connections { a { children { c { local_ts = %any6, 10.0.0.0/, 10.0.0.1 - 10.0.0.2\n"
    "remote_ts = 10.0.0.0/8[6/1-2], ::/0[], dynamic[any/opaque], %any[17/]\n} } } }\n",
    "connections { a { children { c { start_action = | \n dpd_action = TRAP | none|\n} } } }\n",
    "connections { a { children { c { local_ts = dynamic[6/1-], dynamic[6/-], dynamic[any/1-]\n"
    "remote_ts = dynamic[0x11/0x10], 10.0.0.0/ 8, ::/+08\n} } } }\n",
    # values that are wrong: the file is not
    *(
        f"connections {{ a {{ children {{ c {{ local_ts = {selector}\n}} }} }}\n"
        "b { children { c { } } } }\n"
        for selector in (
            *("dynamic[6x]", "dynamic[6/1-2-3]", "dynamic[6/-5]", "dynamic[6/1x]", "dynamic[256]"),
            *("10.0.0.0/33", "::/129", "10.0.0.0/255.0.0.0", "10.0.0.0/", "::/x", "10.0.0.1/24/7"),
            "%any/8",
        )
    ),
    "connections { a { children { c { local_ts = ::/0[256]\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { local_ts = ::/0[6/70000]\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { local_ts = ::1-10.0.0.1\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { local_ts = ::/0[6\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { start_action = trap start\n} } }\n"
    "b { children { c { } } } }\n",
    "connections { a { children { c { start_action = start|go\n} } }\nb { children { c { } } } }\n",
    "connections { a { children { c { replay_window = 09\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { local_ts = 10.0.0.1-\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { mark_in = %uniquely\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { tfc_padding = MTU\n} } } b { children { c { } } } }\n",
    "connections { a { children { c { start_action = start, trap\n} } }\n"
    "b { children { c { } } } }\n",
    "connections { a { children { c { copy_dscp = true\n} } } b { children { c { } } } }\n",
    "connections { a { local { auth = PubKey\n} } b { children { c { } } } }\n",
    "connections { a { proposals = aes256gcm16-ecp384\n} b { children { c { } } } }\n",
    "connections { a { proposals = aes256-sha256-none\n} b { children { c { } } } }\n",
    "connections { a { proposals = sha256-modp2048\n} b { children { c { } } } }\n",
    "connections { a { proposals = aes256-prfsha1-modp2048\n} b { children { c { } } } }\n",
    "connections { a { proposals = aes128gcm16-aes256-sha1-ecp256\n} b { children { c { } } } }\n",
    "connections { a { dscp = 2\n} b { children { c { } } } }\n",
    "connections { a { vips = %config\n} b { children { c { } } } }\n",
    "connections { a { vips = %any6, 10.0.0.1\n children { c { } } } }\n",
)
"""swanctl.conf that swanctl reads, if perhaps without each connection."""

SWANCTL_REJECTED = (
    _GOOD + "include {\n}\n",
    _GOOD + "}\n",
    _GOOD + "x {\n",
    _GOOD + "include  = value\n",
    _GOOD + "a.b = c\n",
    _GOOD + "a.b { }\n",
    _GOOD + '"a" = b\n',
    _GOOD + '"a" { }\n',
    _GOOD + "a b { }\n",
    _GOOD + "a b = c\n",
    _GOOD + "{ }\n",
    _GOOD + "= b\n",
    _GOOD + "a\n",
    _GOOD + "a :: b { }\n",
    _GOOD + "a : { }\n",
    _GOOD + "a : b, { }\n",
    _GOOD + "a : b c { }\n",
    _GOOD + "a : .b { }\n",
    _GOOD + "a : b. { }\n",
    _GOOD + "a : b\n",
    _GOOD + "a : b = c\n",
    _GOOD + 'a = "b\n',
    _GOOD + 'a = "b\\"\n',
    _GOOD + ", a = b\n",
    _GOOD + "/x.y { }\n",
    _GOOD + 'include "x\n',
)
"""swanctl.conf that swanctl does not read at all."""

_CONN = "conn a\n  right=192.0.2.1\n  auto=add\n"

IPSEC_TAKEN = (
    _CONN + "  esp=aes128gcm16!\n",
    "config setup\n" + _CONN,
    "version 2\n\n" + _CONN + "version3\n" + "  type=transport\n",
    _CONN + "  \n#\n\n  # x\n\ttype\t=\ttransport\t#\n",
    _CONN + '  "type"="transport"\n',
    _CONN + "  type=transport",
    _CONN + "  leftid=@#00 # x\n  type=beet\n",
    _CONN + '  leftid="a=b # c"\n  type=beet\n',
    _CONN + "  include = x\n  type=beet\n",
    _CONN + "  include nothing\n  type=beet\n",
    _CONN + "  type=\n  type=pass\n",
    _CONN + "  type=beet\n  type=\n",
    "conn %default\n  type=beet\n" + _CONN + "  type=\n",
    "conn %default\n  auto=add\n  also=nowhere\nconn a\n"
    "conn b\n  also=%default\n  also=\n  also=a\n",
    "conn b\n  type=beet\n  also=c\n" + _CONN + "  also=b\nconn c\n  type=pass\n  compress=yes\n",
    "conn b\n  type=beet\n" + _CONN + "  also=b\n  also=c\nconn c\n  type=pass\n",
    "  type=beet\n" + _CONN,
    _CONN + "  type=transport\n  leftsourceip=%config\n",
    "conn b\n  leftsourceip=%config\n" + _CONN + "  also=b\n  type=transport\n",
    _CONN + "  esp=aes128gcm16 , aes256gcm16!\n",
    _CONN + "  esp=aes128gcm16!!\n",
    _CONN + "  esp=!\n",
    _CONN + "  esp=aes128gcm16,\n",
    _CONN + "  ah=sha1\n  esp=foo\n",
    _CONN + "  ah=foo\n  esp=aes128gcm16\n",
    _CONN + "  ike=aes128-sha1-modp2048!\n  type=beet\n",
    _CONN + "  ike=aes128-sha1!\n",
    _CONN + "  auto = route\n  foo=bar\n  pfs=yes\n",
    _CONN + "  uniqueids=no\n",
    _CONN + "  auto=start\r\n",
    _CONN + "  lifetime=1 h\n",
    _CONN + "  rekeyfuzz=100\n",
    _CONN + "  replay_window=\n  replay_window=-1\n",
    _CONN + "  left=%192.0.2.2\n  leftfirewall=yes\n",
    "ca x\n  foo=bar\n" + _CONN,
)
"""ipsec.conf that starter reads, if perhaps without each conn."""

IPSEC_REJECTED = (
    _CONN + "foo=bar\n",
    _CONN + "conn\n",
    _CONN + "conn x y\n",
    _CONN + "connx\n",
    _CONN + "  foo\n",
    _CONN + "  foo bar=x\n",
    _CONN + "  foo=a=b\n",
    _CONN + "  =b\n",
    _CONN + '  foo="b\n',
    _CONN + "  also=nowhere\n",
    _CONN + "  also=a\n",
    _CONN + "  also=b\nconn b\n  also=a\n",
    _CONN + "config  setup\n",
    _CONN + "include  = x\n",
    _CONN + "\r\n",
    " conn b\n" + _CONN,
)
"""ipsec.conf that starter does not read at all."""
