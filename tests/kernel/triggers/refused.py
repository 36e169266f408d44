# SPDX-License-Identifier: Apache-2.0
"""Policies that this version does not take anywhere, with the reason each has to be given."""

from __future__ import annotations

from typing import Final

from .case import Refused

__all__ = ["REFUSED"]


def _all(reason: str, *policies: str) -> tuple[Refused, ...]:
    return tuple(Refused(policy=policy, reason=reason) for policy in policies)


REFUSED: Final = (
    *_all("GetUrl", "tracingpolicy/open_geturl"),
    *_all("DnsLookup", "tracingpolicy/open_dnsrequest"),
)
