# SPDX-License-Identifier: Apache-2.0
"""At start: policies of an earlier agent that still enforce and that no setting brings back."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError

from .entry import Domain, PolicyState
from .reading import read_policy
from .takeover import STILL_THERE

if TYPE_CHECKING:
    from .directory import PolicyDirectory
    from .entry import PolicyKey
    from .manager import PolicyManager
    from .records import KeepRecord
    from .worker import EngineWorker

__all__ = ["Restoring"]

_log = logging.getLogger(__name__)

_OLDER: Final = "this is the version an earlier agent had loaded; its file has none to use"


class Restoring:
    """What came over gRPC is loaded again; custom resources too, until the API server is heard. A
    file that is gone takes its policy with it; of one that cannot be used now the older version
    goes on, as if the agent had never ended.
    """

    def __init__(
        self, manager: PolicyManager, worker: EngineWorker, *, with_cluster: bool = False
    ) -> None:
        """`with_cluster`: somebody will ask the API server for custom resources."""
        self._manager = manager
        self._with_cluster = with_cluster
        self._worker = worker
        self.directory: PolicyDirectory | None = None
        """Where policy files are, if anywhere."""

    async def restore(self) -> None:
        """Take over what is loaded already, then look after the rest."""
        for left in await self._manager.take_over():
            record = left.record
            if self._is_out_of_settings(record):
                await self._manager.drop(record.key)
                attrs = {"policy": record.key, "file": record.source}
                _log.info("a policy is no longer in the settings: removed", extra={"attrs": attrs})
            elif self._is_disabled(record.key):
                await self._manager.drop(record.key)
            else:
                await self._load(record)

    def _is_disabled(self, key: PolicyKey) -> bool:
        """Somebody disabled it, and the agent ended before that was done."""
        known = self._manager.get(key)
        return known is not None and known.state is PolicyState.DISABLED

    def _is_out_of_settings(self, record: KeepRecord) -> bool:
        if record.key.domain == Domain.KUBERNETES:
            return not self._with_cluster
        return record.key.domain == Domain.STATIC and not self._is_file(Path(record.source))

    def _is_file(self, path: Path) -> bool:
        return self.directory is not None and path.parent == self.directory.path and path.is_file()

    async def _load(self, record: KeepRecord) -> None:
        is_file = record.key.domain == Domain.STATIC
        if is_file and self.directory is not None:
            self.directory.adopt(Path(record.source), record.key, record.text)
        known = self._manager.get(record.key)
        reason = "" if known is None else known.error
        try:
            read = await self._worker.run(lambda: read_policy(record.text, record.source))
            entry = await self._manager.add(read, record.key.domain)
        except TetragonError as error:
            attrs = {"policy": record.key, "error": error}
            _log.error("a policy of an earlier agent cannot be loaded", extra={"attrs": attrs})
            entry_left = self._manager.get(record.key)
            if entry_left is not None:
                entry_left.error += STILL_THERE
            return
        if is_file:
            entry.error = "\n".join(filter(None, (reason, _OLDER)))
