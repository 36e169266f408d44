# SPDX-License-Identifier: Apache-2.0
"""Installs the hook: the small program, and what makes each runtime start it.

    runtime (hooks_d, containerd, docker) ─► Change of files ─► record: backups, applied, undone

A runtime module only says what its files should become. Whatever is changed can be changed back:
byte for byte while nobody else has changed it too.
"""

from __future__ import annotations
