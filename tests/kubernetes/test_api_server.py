# SPDX-License-Identifier: Apache-2.0
"""The fixture itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubernetes.api_server import POD_READER, STRANGER, Refused
from kubernetes.objects import pod

if TYPE_CHECKING:
    from kubernetes.api_server import ApiServer


def test_users_may_do_what_they_were_granted(cluster: ApiServer) -> None:
    """The fixture's users differ: who may read pods sees a new one, a stranger is refused."""
    cluster.create(pod("granted"))

    items = cluster.request("GET", "/api/v1/pods", user=POD_READER)["items"]
    with pytest.raises(Refused) as refused:
        cluster.request("GET", "/api/v1/pods", user=STRANGER)

    assert "granted" in [one["metadata"]["name"] for one in items]
    assert 403 == refused.value.status
