# SPDX-License-Identifier: Apache-2.0
"""Policies that this version does not take anywhere, with the reason each has to be given."""

from __future__ import annotations

from typing import Final

from .case import Refused

__all__ = ["REFUSED"]


def _all(reason: str, *policies: str) -> tuple[Refused, ...]:
    return tuple(Refused(policy=policy, reason=reason) for policy in policies)


def _action(name: str) -> str:
    return f"action {name} is not supported yet by this version"


REFUSED: Final = (
    *_all(
        _action("Sigkill"),
        "quickstart/file_monitoring_enforce",
        "quickstart/network_egress_cluster_enforce",
        "tracingpolicy/dns-only-specified-servers",
        "tracingpolicy/sandbox/linux-namespaces/kill_unprivileged_user_namespace",
        "tracingpolicy/sandbox/linux-namespaces/kill_unprivileged_user_namespace_in_pid_namespace",
        "tracingpolicy/tcp-connect-only-local-addrs",
        "tracingpolicy/tcp-connect-only-private-addrs",
    ),
    *_all(
        _action("Override"),
        "tracingpolicy/cves/cve-2023-2640-overlayfs-ubuntu",
        "tracingpolicy/hardlink-override",
        "tracingpolicy/override-security",
        "tracingpolicy/security-socket-connect-block-others",
        "tracingpolicy/symlink-override",
    ),
    *_all("enforcers are not supported yet", "tracingpolicy/killer"),
    *_all("podSelector needs Kubernetes", "tracingpolicy/modules-nohost"),
    *_all("lsmhooks are not supported yet", "tracingpolicy/lsm_bprm_check"),
    *_all("lsmhooks are not supported yet", "tracingpolicy/lsm_file_open"),
    *_all("loader: true is not supported yet", "policylibrary/library", "tracingpolicy/loader"),
    *_all(
        "uprobes are not supported yet",
        "tracingpolicy/uprobe",
        "tracingpolicy/uprobe-binaries",
        "tracingpolicy/uprobe-host",
        "tracingpolicy/uprobe-pid",
    ),
    *_all("usdts are not supported yet", "tracingpolicy/usdt", "tracingpolicy/usdt-set"),
    *_all("GetUrl", "tracingpolicy/open_geturl"),
    *_all("DnsLookup", "tracingpolicy/open_dnsrequest"),
)
