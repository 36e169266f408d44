# SPDX-License-Identifier: Apache-2.0
"""Who may change things, by the rules of --read-only and --full-access."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from tetragon_core.errors import UsageError
from tetragon_server.access.identity import Identity
from tetragon_server.access.rules import AccessRules

ROOT = Identity(is_tcp=False, pid=1, uid=0, gids=frozenset({0, 27}))
SOMEBODY = Identity(is_tcp=False, pid=2, uid=1000, gids=frozenset({1000}))
NOBODY = Identity(is_tcp=True, address="127.0.0.1:5")
CERTIFIED = Identity(is_tcp=True, address="10.0.0.1:5", names=frozenset({"grafana", "g.example"}))


@pytest.mark.parametrize(
    ("rule", "restricted"),
    [
        ("uid:1000", [SOMEBODY]),
        ("gid:27", [ROOT]),
        ("gid:1000", [SOMEBODY]),
        (f"user:{pwd.getpwuid(0).pw_name}", [ROOT]),
        (f"group:{grp.getgrgid(0).gr_name}", [ROOT]),
        ("cn:grafana", [CERTIFIED]),
        ("cn:g.example", [CERTIFIED]),
        ("tcp", [NOBODY, CERTIFIED]),
        ("*", [ROOT, SOMEBODY, NOBODY, CERTIFIED]),
    ],
)
def test_read_only(rule: str, restricted: list[Identity]) -> None:
    """A rule restricts exactly those it names."""
    rules = AccessRules([rule], [])

    assert restricted == [
        who for who in (ROOT, SOMEBODY, NOBODY, CERTIFIED) if not rules.may_change(who)
    ]


def test_full_access_wins() -> None:
    """With everybody restricted, who is named may change things all the same."""
    rules = AccessRules(["*"], ["cn:grafana", "uid:0"])

    allowed = [who for who in (ROOT, SOMEBODY, NOBODY, CERTIFIED) if rules.may_change(who)]

    assert [ROOT, CERTIFIED] == allowed


def test_without_rules_all_may_change() -> None:
    """That is what Tetragon does."""
    rules = AccessRules([], [])

    assert all(rules.may_change(who) for who in (ROOT, SOMEBODY, NOBODY, CERTIFIED))


def test_a_certificate_of_another_name_is_nobody_s() -> None:
    """A name is compared whole: neither a part nor another case of it counts."""
    rules = AccessRules(["cn:graf", "cn:GRAFANA"], [])

    assert rules.may_change(CERTIFIED)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("uid:x", "'x' is no number"),
        ("user:no-such-user-here", "this host has no such user"),
        ("group:no-such-group-here", "this host has no such group"),
        ("role:admin", "write uid:…, gid:…, user:…, group:…, cn:…, tcp or *"),
        ("uid:", "write uid:…"),
        ("", "write uid:…"),
    ],
)
def test_wrong_rules(rule: str, told: str) -> None:
    """One line names the rule and what to write."""
    with pytest.raises(UsageError) as caught:
        AccessRules([rule], [])

    assert str(caught.value).startswith(f"--read-only {rule!r}: ")
    assert told in str(caught.value)


def test_own_groups_are_known() -> None:
    """The peer of a unix connection has its uid and groups from the kernel."""
    from server.unix_peer import identity_of_own_connection  # noqa: PLC0415  needs an event loop

    who = identity_of_own_connection()

    assert os.geteuid() == who.uid
    assert os.getpid() == who.pid
    assert {os.getegid(), *os.getgroups()} == set(who.gids)
