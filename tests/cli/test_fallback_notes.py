# SPDX-License-Identifier: Apache-2.0
"""What `getevents` says when a policy gives up enforcing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.test_getevents import ENDED, exec_event, lines

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_policy_that_fell_back_is_told(agent: Any, run_client: Run) -> None:
    """On standard error, after the event it came with, and without control characters."""
    event = exec_event(0)
    event.policy_fallbacks.add(policy_name="a\x1b", domain="grpc", max_kills_per_minute=60)
    event.policy_fallbacks.add(policy_name="b", policy_namespace="web", domain="static")
    agent.events = [event]

    done = run_client("getevents", "-o", "compact", "--server-address", agent.address)

    assert lines(1) == done.stdout
    words = "times within a minute and only monitors from now on"
    assert done.stderr == (
        f"policy grpc/a\\x1b killed more than 60 {words}\n"
        f"policy static/web/b killed more than 0 {words}\n{ENDED}"
    )
