# SPDX-License-Identifier: Apache-2.0
"""The functions for IP addresses and networks give what Kubernetes' libraries document."""

from __future__ import annotations

import pytest

from server.cel_events import an_exec
from server.cel_reference import our_outcomes

_TRUE = [
    "ip('127.0.0.1') == ip('127.0.0.1') && ip('::1') != ip('::2')",
    "ip('2001:DB8::ABCD') == ip('2001:db8::abcd')",
    "string(ip('2001:db8:0:0:0:0:0:1')) == '2001:db8::1'",
    "type(ip('::1')) == net.IP && type(cidr('::/0')) == net.CIDR",
    "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP(':::1') && !isIP('')",
    "!isIP('010.0.0.1') && !isIP('1.2.3') && !isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4')",
    "ip.isCanonical('127.0.0.1') && ip.isCanonical('2001:db8::abcd')",
    "!ip.isCanonical('2001:DB8::ABCD') && !ip.isCanonical('2001:db8::0:0:0:abcd')",
    "ip('127.0.0.1').family() == 4 && ip('::1').family() == 6",
    "ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified() && !ip('::1').isUnspecified()",
    "ip('127.9.9.9').isLoopback() && ip('::1').isLoopback() && !ip('192.168.0.1').isLoopback()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()",
    "!ip('224.0.1.1').isLinkLocalMulticast() && !ip('fd00::1').isLinkLocalMulticast()",
    "ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
    "!ip('192.168.0.1').isLinkLocalUnicast() && !ip('fd80::1').isLinkLocalUnicast()",
    "ip('192.168.0.1').isGlobalUnicast() && ip('2001:db8::abcd').isGlobalUnicast()",
    "!ip('255.255.255.255').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
    "!ip('127.0.0.1').isGlobalUnicast() && !ip('0.0.0.0').isGlobalUnicast()",
    "isCIDR('192.168.0.0/16') && isCIDR('::1/128') && isCIDR('192.168.0.1/16')",
    "!isCIDR('192.168.0.0/33') && !isCIDR('::1/129') && !isCIDR('10.0.0.0') && !isCIDR('/8')",
    "!isCIDR('10.0.0.0/08') && !isCIDR('10.0.0.0/255.0.0.0') && !isCIDR('::ffff:1.2.3.4/24')",
    "cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))",
    "cidr('192.168.0.0/24').containsIP('192.168.0.1')",
    "!cidr('192.168.0.0/24').containsIP('192.168.1.1')",
    "!cidr('0.0.0.0/0').containsIP('::1') && cidr('::/0').containsIP('::1')",
    "cidr('192.168.0.0/16').containsCIDR(cidr('192.168.10.0/24'))",
    "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')",
    "!cidr('192.168.1.0/24').containsCIDR('192.168.2.0/24')",
    "!cidr('192.168.0.0/24').containsCIDR('192.168.0.0/16')",
    "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && cidr('::1/128').ip().family() == 6",
    "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')",
    "cidr('192.168.0.1/24') != cidr('192.168.0.1/24').masked()",
    "cidr('192.168.0.0/16').prefixLength() == 16 && cidr('::1/128').prefixLength() == 128",
    "string(cidr('192.168.0.1/24')) == '192.168.0.1/24'",
    "ip('1.1.1.1') in [ip('1.1.1.1')] && !(ip('1.1.1.1') in [dyn(1), dyn('1.1.1.1')])",
    "[ip('10.0.0.1'), ip('11.0.0.1')].exists_one(a, cidr('10.0.0.0/8').containsIP(a))",
]
_ERRORS = [
    "ip('127.0.0.256') == ip('127.0.0.1')",
    "ip('fe80::1%eth0').family() == 6",
    "cidr('192.168.0.0/33').prefixLength() == 33",
    "cidr('10.0.0.0/8').containsIP('a')",
    "ip.isCanonical('a')",
    "ip('1.1.1.1') == dyn('1.1.1.1')",
]
_REJECTED = [
    "ip(1) == ip('1.1.1.1')",
    "ip('1.1.1.1') == '1.1.1.1'",
    "ip('1.1.1.1')",
    "'1.1.1.1'.family() == 4",
    "cidr('10.0.0.0/8').family() == 4",
    "ip('1.1.1.1') < ip('1.1.1.2')",
    "net.IP == 1",
]


@pytest.mark.parametrize("text", _TRUE)
def test_documented_facts_hold(text: str) -> None:
    """Each is true."""
    assert [True] == our_outcomes(text, [an_exec()])


@pytest.mark.parametrize("text", _ERRORS)
def test_bad_addresses_are_errors_at_run_time(text: str) -> None:
    """A text that is no address has no value."""
    assert ["error"] == our_outcomes(text, [an_exec()])


@pytest.mark.parametrize("text", _REJECTED)
def test_types_are_kept_apart(text: str) -> None:
    """Addresses, networks and texts do not mix."""
    assert ["rejected"] == our_outcomes(text, [an_exec()])
