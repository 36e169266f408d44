# SPDX-License-Identifier: Apache-2.0
"""contrib/kubernetes: what is in it, and whether an API server takes it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kubernetes.api_server import Refused
from kubernetes.manifests import CONTRIB, OVERLAYS, apply, containers, one_of, render

if TYPE_CHECKING:
    from pathlib import Path

    from kubernetes.api_server import ApiServer

POLICIES = ("tracingpolicies", "tracingpoliciesnamespaced")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_takes_all(cluster: ApiServer, overlay: str) -> None:
    """Each object is accepted, with every field it has: nothing is dropped but gRPC probes."""
    objects = render(overlay)

    found = apply(cluster, objects)

    for sent, kept in zip(objects, found, strict=True):
        assert [] == missing(sent, kept, sent["kind"])


def missing(sent: Any, kept: Any, path: str) -> list[str]:
    """Paths of what was sent and is not there any more."""
    if isinstance(sent, dict):
        inner = [
            missing(value, kept.get(key), f"{path}.{key}") if key in kept else [f"{path}.{key}"]
            for key, value in sent.items()
            if value is not None
        ]
        return [one for some in inner for one in some]
    if isinstance(sent, list):
        if len(sent) != len(kept):
            return [path]
        inner = [
            missing(one, two, f"{path}[{number}]")
            for number, (one, two) in enumerate(zip(sent, kept, strict=True))
        ]
        return [one for some in inner for one in some]
    return [] if str(sent) == str(kept) or path.endswith((".cpu", ".resourceVersion")) else [path]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_container_is_privileged(overlay: str) -> None:
    """Capabilities are named, nothing else is added, and each container has limits."""
    for one in containers(render(overlay)):
        context = one["securityContext"]
        assert not context.get("privileged", False)
        assert ["ALL"] == context["capabilities"]["drop"]
        assert "SYS_ADMIN" not in context["capabilities"].get("add", ())
        assert (False, True) == (
            context["allowPrivilegeEscalation"],
            context["readOnlyRootFilesystem"],
        )
        assert "memory" in one["resources"]["limits"]


def test_probes_ask_the_health_service() -> None:
    """Kubernetes 1.24 and newer ask over gRPC, at the port that the settings open."""
    objects = render("base")
    settings = yaml.safe_load(one_of(objects, "ConfigMap")["data"]["tetragon.yaml"])
    (agent,) = containers(objects)

    port = int(settings["health-server-address"].removeprefix(":"))
    for probe in ("startupProbe", "livenessProbe"):
        assert {"port": port, "service": "liveness"} == agent[probe]["grpc"]


def test_the_agent_takes_the_settings(tmp_path: Path) -> None:
    """`--check-config` finds nothing to say about the config map's file."""
    path = CONTRIB / "base/tetragon.yaml"
    (tmp_path / "tetragon.yaml").write_text(path.read_text())

    checked = subprocess.run(
        [sys.executable, "-m", "tetragon_cli", "agent", "--check-config"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )

    assert 0 == checked.returncode, checked.stderr
    assert "warn" not in checked.stderr


@pytest.fixture(scope="module")
def token(cluster: ApiServer) -> str:
    """One of the agent's service account."""
    apply(cluster, render("base"))
    path = "/api/v1/namespaces/tetragon-mini/serviceaccounts/tetragon-mini/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    found: str = cluster.request("POST", path, body)["status"]["token"]
    return found


def test_the_account_may_do_what_is_needed(cluster: ApiServer, token: str) -> None:
    """Exactly this, besides asking about itself, which Kubernetes lets everybody do."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": "kube-system"},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = cluster.request("POST", path, review, token=token)["status"]

    allowed = {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if not resource.startswith("selfsubject")
    }
    wanted = {("", one, verb) for one in ("pods", "nodes") for verb in ("list", "watch")}
    wanted |= {("cilium.io", one, verb) for one in POLICIES for verb in ("list", "watch")}
    wanted |= {("cilium.io", f"{one}/status", "patch") for one in POLICIES}
    assert (wanted, False) == (allowed, status["incomplete"])


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode1",
        "/api/v1/nodes?fieldSelector=metadata.name%3Dnode1",
        "/apis/cilium.io/v1alpha1/tracingpolicies",
        "/apis/cilium.io/v1alpha1/tracingpoliciesnamespaced",
    ],
)
def test_what_the_account_reads(cluster: ApiServer, token: str, path: str) -> None:
    """A real token of the account gets it."""
    assert "items" in cluster.request("GET", path, token=token)


@pytest.mark.parametrize("path", ["/api/v1/secrets", "/api/v1/namespaces/tetragon-mini/configmaps"])
def test_what_the_account_cannot_read(cluster: ApiServer, token: str, path: str) -> None:
    """Secrets and settings, of its own namespace too."""
    with pytest.raises(Refused) as refused:
        cluster.request("GET", path, token=token)

    assert 403 == refused.value.status


def test_the_init_container_installs_the_hook(tmp_path: Path) -> None:
    """Its command line finds its folders, and a failure never keeps a container from starting."""
    hook, _ = containers(render("overlays/crio"))
    places = [
        one["mountPath"] for one in hook["volumeMounts"] if one["mountPath"] != "/tmp"
    ]  # of the container
    for place in places:
        (tmp_path / place.removeprefix("/host/")).mkdir(parents=True)
    words = [one.replace("=/host", f"={tmp_path}") for one in hook["args"]]

    subprocess.run(
        [sys.executable, "-m", "tetragon_cli", *words, "--dry-run"], check=True, capture_output=True
    )

    assert "--on-failure=start" in words
