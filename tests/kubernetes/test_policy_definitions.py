# SPDX-License-Identifier: Apache-2.0
"""The custom resource definitions, as a real API server applies them to policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from kubernetes.api_server import Refused, collection
from kubernetes.manifests import apply, definitions
from kubernetes.policy_objects import policy
from tetragon_core.policy.parse import parse_policies
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from kubernetes.api_server import ApiServer

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted(
    path
    for where in ("tests/data/policies", "contrib/policies")
    for path in (ROOT / where).rglob("*.y*ml")
)


@pytest.fixture(scope="module")
def server(cluster: ApiServer) -> ApiServer:
    """One that has the definitions."""
    apply(cluster, definitions())
    return cluster


def tried(server: ApiServer, one: dict[str, Any]) -> dict[str, Any]:
    """What the server would keep of it."""
    if one["kind"] == "TracingPolicyNamespaced":
        one["metadata"].setdefault("namespace", "default")
    return server.request("POST", f"{collection(one)}?dryRun=All", one)


def test_there_are_examples() -> None:
    """The next test is about this many files at least."""
    assert 50 < len(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_the_parser_takes(server: ApiServer, path: Path) -> None:
    """The server takes it too, and gives it back unchanged."""
    try:
        parse_policies(path.read_text())
    except PolicyError:
        return  # it is no policy, or one with a mistake
    for one in yaml.safe_load_all(path.read_text()):
        assert one["spec"] == tried(server, one)["spec"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"kprobes": [{"syscall": True}]}, "spec.kprobes.call: Required value"),
        ({"kprobes": [{"call": 1}]}, "spec.kprobes.call in body must be of type string"),
        ({"kprobes": [{"call": ""}]}, "spec.kprobes.call in body should be at least 1 chars"),
        ({"loader": "yes"}, "spec.loader in body must be of type boolean"),
        (
            {"kprobes": [{"call": "x", "args": [{"index": -1}]}]},
            "spec.kprobes.args.index in body should be greater than or equal to 0",
        ),
        (
            {"kprobes": [{"call": "x", "selectors": [{"matchActions": [{"action": "Kill"}]}]}]},
            'spec.kprobes.selectors.matchActions.action: Unsupported value: "Kill"',
        ),
        (
            {"kprobes": [{"call": "x", "args": [{"index": 0, "type": "strin"}]}]},
            'spec.kprobes.args.type: Unsupported value: "strin"',
        ),
    ],
)
def test_what_is_wrong(server: ApiServer, spec: dict[str, Any], said: str) -> None:
    """The server refuses it and says where."""
    with pytest.raises(Refused) as refused:
        tried(server, policy("wrong", **spec))

    assert 422 == refused.value.status
    assert said in refused.value.body.replace("\\", "")


def test_names_are_upstreams(server: ApiServer) -> None:
    """Group, version, names and scopes are Tetragon's, so its users' commands work."""
    resources = server.request("GET", "/apis/cilium.io/v1alpha1")["resources"]

    found = {
        one["name"]: (one["kind"], one["namespaced"], one["shortNames"])
        for one in resources
        if "/" not in one["name"]
    }
    wanted = {
        "tracingpolicies": ("TracingPolicy", False, ["tgtp"]),
        "tracingpoliciesnamespaced": ("TracingPolicyNamespaced", True, ["tgtpn"]),
    }
    assert wanted == {name: found[name] for name in wanted}
