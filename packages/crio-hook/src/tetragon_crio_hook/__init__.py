# SPDX-License-Identifier: Apache-2.0
"""The OCI runtime hook: tells the agent about a container before its first process runs.

    state (stdin) + config.json ─► container_spec ─► container_facts ─► request_message
                                                                              │
    options ─► program ─► failure_policy when anything of it fails     agent_call ─► http2 ─► hpack

It runs at every start of a container, so a module here imports only what costs nothing: no json,
re, socket, signal, logging, dataclasses, and not even typing (`TYPE_CHECKING = False` is what
typing.TYPE_CHECKING is; type checkers know the name). What installs it is in `install`.
"""

from __future__ import annotations
