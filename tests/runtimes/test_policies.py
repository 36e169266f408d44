# SPDX-License-Identifier: Apache-2.0
"""Policies for containers of each runtime, by what the runtime tells: names, images, namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from kernel.agents import wait
from runtimes.watching import watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.model import Runtime
    from runtimes.watching import Watch

RUNTIMES: Final = ("podman", "runc", "ctr_2", "docker", "cri_17")
SLEEP: Final = ("sleep", "1234567")
RUNS: Final = ("run-web", "run-other", "run-later")
POLICY: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: {name}}}
spec:
  {selector}
  tracepoints: [{{subsystem: sched, event: sched_process_exec}}]
"""
NAMESPACE: Final = "k8s:io.kubernetes.pod.namespace"


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The runtime that the test is run with."""
    found: Runtime = request.getfixturevalue(request.param)
    return found


def hits(watch: Watch) -> set[tuple[str, str]]:
    """Policy, and the argument of a process that it has reported."""
    events = (one["process_tracepoint"] for one in watch.events() if "process_tracepoint" in one)
    found = ((one["policy_name"], one["process"].get("arguments", "")) for one in events)
    return {(policy, argument) for policy, argument in found if argument in RUNS}


@pytest.mark.parametrize("runtime", RUNTIMES, indirect=True)
def test_selected_containers(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """What is run in containers that were there before, and in one that came later, is reported by
    the policies that are for them, and by no other.
    """
    web, other = (runtime.start(name, *SLEEP) for name in ("web", "other"))
    selectors = {
        "by-name": f"containerSelector: {{matchLabels: {{name: {web.name}}}}}",
        "but-one": "containerSelector: {matchExpressions:"
        f" [{{key: name, operator: NotIn, values: [{web.name}]}}]}}",
        "every": "podSelector: {}",
        "nobody": f"podSelector: {{matchLabels: {{'{NAMESPACE}': elsewhere}}}}",
        "host": "hostSelector: {}",
    }
    for name, selector in selectors.items():
        (tmp_path / f"{name}.yaml").write_text(POLICY.format(name=name, selector=selector))
    options = [f"--tracing-policy={tmp_path}/{name}.yaml" for name in selectors]
    with watching(tmp_path, workload / "finish", runtime, *options) as watch:
        runtime.execute(web, "true", "run-web")
        runtime.execute(other, "true", "run-other")
        later = runtime.start("later", *SLEEP)
        watch.named([SLEEP[1]], "process_exec")
        runtime.execute(later, "true", "run-later")
        watch.named(RUNS, "process_exit")
        wait(lambda: len(hits(watch)) >= 6, "six hits")
        found = hits(watch)
        for container in (web, other, later):
            runtime.remove(container)

    assert found == {
        ("by-name", "run-web"),
        *(("but-one", run) for run in RUNS[1:]),
        *(("every", run) for run in RUNS),
    }
