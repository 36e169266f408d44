# SPDX-License-Identifier: Apache-2.0
"""Label selectors: Kubernetes' syntax, and what it refuses."""

from __future__ import annotations

import pytest

from server.filtered import in_pod, keeps
from tetragon import events_pb2 as events_pb
from tetragon_server.filters import FilterError


def selects(selector: str, **labels: str) -> bool:
    names = {name.replace("__", "/"): value for name, value in labels.items()}
    return keeps(in_pod(pod_labels=names), [events_pb.Filter(labels=[selector])])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", [True, False, False]),
        ("app == web", [True, False, False]),
        ("app!=web", [False, True, True]),
        ("app in (web, db)", [True, True, False]),
        ("app in(web)", [True, False, False]),
        ("app notin (web,db)", [False, False, True]),
        ("app", [True, True, False]),
        ("!app", [False, False, True]),
        ("! app", [False, False, True]),
        ("app=web,app=db", [False, False, False]),
        ("app, app!=db", [True, False, False]),
        (" app = db ", [False, True, False]),
        ("", [True, True, True]),
        ("  ", [True, True, True]),
        ("app=", [False, False, False]),
        ("app in ()", [False, False, False]),
        ("app notin (,)", [True, True, True]),
    ],
)
def test_selectors(selector: str, expected: list[bool]) -> None:
    """Against app=web, app=db and a pod without labels."""
    chosen = [selects(selector, app="web"), selects(selector, app="db"), selects(selector)]

    assert expected == chosen


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("n>5", [True, False, False]),
        ("n < 6", [False, True, False]),
        ("n>0", [True, True, False]),
    ],
)
def test_numbers(selector: str, expected: list[bool]) -> None:
    """Larger and smaller compare labels that are numbers: 6, 5 and x."""
    assert expected == [selects(selector, n=value) for value in ("6", "5", "x")]


def test_names_that_need_care() -> None:
    """Prefixes, empty values and the words of the language itself."""
    assert selects("app.kubernetes.io/name=x", **{"app.kubernetes.io__name": "x"})
    assert selects("app=", app="")
    assert selects("app in (,web)", app="")
    assert selects("in in (notin)", **{"in": "notin"})
    assert selects("in", **{"in": ""})


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        ("a b", "unexpected 'b' after 'a'"),
        ("a=b c", "unexpected 'c'"),
        ("a,", "'' is no label key"),
        (",a", "',' is no label key"),
        ("=a", "'=' is no label key"),
        ("!", "'' is no label key"),
        ("!a=b", "unexpected '='"),
        ("a in b", "a list in parentheses is missing"),
        ("a in", "a list in parentheses is missing"),
        ("a in (b", "a closing parenthesis is missing"),
        ("a in (b c)", "a closing parenthesis is missing"),
        ("a=b!", "unexpected '!'"),
        ("-a", "'-a' is no label key"),
        ("A/b", "'A/b' is no label key"),
        ("a/b/c", "'a/b/c' is no label key"),
        (f"a={'x' * 64}", "is no label value"),
        ("a=b$", "'b\\$' is no label value"),
        ("a>b", "'b' is no number"),
        ("a>-1", "'-1' is no label value"),
        ("a>", "'' is no number"),
    ],
)
def test_what_is_no_selector(selector: str, reason: str) -> None:
    """The request fails with one line that quotes the selector and says what is wrong."""
    with pytest.raises(FilterError, match=reason) as failed:
        selects(selector)

    assert str(failed.value).startswith(f"labels: {selector!r}"[:80])
