# SPDX-License-Identifier: Apache-2.0
"""The settings that the agent has as a service: those of files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tetragon_server.config import AgentConfig

    from .layout import Layout

__all__ = ["service_settings"]


def service_settings(layout: Layout) -> AgentConfig:
    """Read and checked. Raises TetragonError, as an agent would that cannot start with them."""
    from tetragon_server.settings.reading import SettingsReader  # noqa: PLC0415  # keeps --help fast
    from tetragon_server.settings.sources import Places  # noqa: PLC0415  # as above

    usual = Places()
    places = Places(
        packaged=tuple(map(layout.seen, usual.packaged)),
        # Not that of the working directory.
        files=tuple(layout.seen(path) for path in usual.files if path.is_absolute()),
        admin=layout.seen(usual.admin),
    )
    config = SettingsReader({}, {}, places).read()
    config.check()
    return config
