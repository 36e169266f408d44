# SPDX-License-Identifier: Apache-2.0
"""The agent's policies as one part: those of the command line and the directory, and the rpcs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError

from ..config import DEFAULT_POLICY_DIR
from .auditing import no_audit
from .directory import PolicyDirectory, log_refused
from .entry import Domain
from .files import FileBusyError, read_file
from .manager import PolicyManager
from .network_actions import NetworkActions
from .reading import read_policy
from .restoring import Restoring
from .rpcs import PolicyRpcs
from .takeover import Takeover
from .watch import DirectoryWatch
from .worker import EngineWorker
from .workload_filter import WorkloadFilters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_core.enforcement import EnforcementLimits
    from tetragon_core.hooks import HookEvent
    from tetragon_core.workloads.table import WorkloadTable

    from ..config import AgentConfig
    from .auditing import Audit
    from .cluster import ClusterPolicies
    from .engine import Ask, EarlierRuns, PolicyEngine
    from .persisting import Persisting

__all__ = ["Policies"]

_log = logging.getLogger(__name__)

_KNOWN_S: Final = 5.0
"""Runtimes have this long to tell of the containers there are; by then they have or are ill."""
_BUSY_S: Final = 1.0
"""A file that is being written is looked at again after this, if nothing tells of its end."""


class Policies:
    """One per agent; made in its event loop."""

    def __init__(
        self,
        config: AgentConfig,
        open_engine: Callable[[Ask | None], PolicyEngine],
        limits: EnforcementLimits | None = None,
        open_earlier: Callable[[], EarlierRuns | None] = lambda: None,
        audit: Audit = no_audit,
        workloads: WorkloadTable | None = None,
    ) -> None:
        self._config = config
        self.keeps_on_exit = config.keep_sensors_on_exit
        """Whether policies that enforce go on when the agent is stopped."""
        self._audit = audit
        self.requests = NetworkActions()
        ask = self.requests.ask if config.enable_policy_network_actions else None
        self.filters = WorkloadFilters(
            workloads,
            is_enabled=config.enable_policy_filter,
            is_logged=config.enable_policy_filter_debug,
        )
        self._worker = EngineWorker(lambda: open_engine(ask), self.filters)
        self._takeover = Takeover(self._worker, open_earlier)
        self.manager = PolicyManager(self._worker, limits, self._takeover)
        self._restoring = Restoring(
            self.manager, self._worker, with_cluster=config.has_cluster_policies
        )
        self._is_started = False
        self.started = asyncio.Event()
        """Set once all that the settings name is loaded, and what an agent before has left."""
        self._persisting = (
            self._open_persisting(config.persist_grpc_policies_dir)
            if config.persist_grpc_policies
            else None
        )
        self.rpcs = PolicyRpcs(
            self._persisting or self.manager,
            self._worker,
            with_deprecated=config.enable_deprecated_tracingpolicy_grpc,
            reject_enforcement=config.reject_enforcement,
        )
        self._changed = asyncio.Event()
        self._watch: DirectoryWatch | None = None
        self._follower: asyncio.Task[None] | None = None

    def received(self) -> Mapping[HookEvent, int]:
        """Hits of all policies so far, by type."""
        return self._worker.received()

    @property
    def worker(self) -> EngineWorker:
        """The thread where the kernel's types are read."""
        return self._worker

    def _open_persisting(self, directory: str) -> Persisting:
        from .persisting import Persisting  # noqa: PLC0415  # few agents have it

        return Persisting(self.manager, self._worker, directory)

    async def start(self) -> None:
        """Load what the settings name. Raises UsageError for a file of --tracing-policy, or a
        directory other than the default one, that cannot be used, and for a persisted policy; as
        Tetragon does.

        Policies of an earlier agent that still enforce are taken over when all else is loaded, and
        when it is known again which containers they are for.
        """
        await self._takeover.find()
        if self._persisting is not None:
            await self._persisting.restore(reject_enforcement=self._config.reject_enforcement)
        if self._config.tracing_policy_dir:
            await self._start_directory(Path(self._config.tracing_policy_dir))
        for name in self._config.tracing_policy:
            await self._load_file(Path(name))
        self._is_started = True
        if self._takeover.left_keys():
            await self.filters.await_known(_KNOWN_S)
        await self._restoring.restore()
        self.started.set()

    def cluster(self) -> ClusterPolicies:
        """What follows the custom resources; it is to run when `started` is set."""
        from .cluster import ClusterPolicies  # noqa: PLC0415  # few agents have it

        return ClusterPolicies(
            self.manager,
            self._worker,
            reject_enforcement=self._config.reject_enforcement,
            audit=self._audit,
        )

    def reload(self, config: AgentConfig) -> None:
        """Take over what may change; look at the directory soon, whether or not it changed."""
        self.keeps_on_exit = config.keep_sensors_on_exit
        self._changed.set()

    async def close(self, *, is_clean: bool = True) -> None:
        """Follow the directory no more and unload everything.

        Policies that enforce go on if the settings want that, or if the agent does not end because
        it was told to. One that could not start leaves what was there before it.
        """
        if self._watch is not None:
            self._watch.close()
        if self._follower is not None:
            self._follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._follower
        keep = self._is_started and (self.keeps_on_exit or not is_clean)
        await self.manager.close(keep=keep)

    async def _start_directory(self, path: Path) -> None:
        _check_directory(path)
        directory = PolicyDirectory(path, self.manager, self._worker, self._audit)
        self._restoring.directory = directory
        try:
            self._watch = DirectoryWatch(path, self._changed.set)
        except OSError as error:
            _log.warning(
                "changes of policy files will not be seen; see sysctl fs.inotify",
                extra={"attrs": {"directory": path, "error": error.strerror}},
            )
        if await directory.follow():
            self._changed.set()
        self._follower = asyncio.create_task(self._follow(directory))

    async def _follow(self, directory: PolicyDirectory) -> None:
        is_busy = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BUSY_S if is_busy else None):
                    await self._changed.wait()
            self._changed.clear()
            try:
                is_busy = await directory.follow()
            except Exception:  # noqa: BLE001  # the next change is worth a look whatever this was
                _log.exception("policy files could not be followed")

    async def _load_file(self, path: Path) -> None:
        try:
            text = read_file(path)
            read = await self._worker.run(lambda: read_policy(text, str(path)))
            entry = await self.manager.add(read, Domain.STATIC)
        except FileBusyError:
            raise UsageError(f"--tracing-policy {path}: somebody is writing to it") from None
        except OSError as error:
            raise UsageError(f"--tracing-policy {path}: {error.strerror}") from error
        except TetragonError as error:
            log_refused(str(path), error)
            raise UsageError(f"--tracing-policy {path}: refused; see the log above") from error
        _log.info("a policy was loaded", extra={"attrs": {"name": entry.key.name, "file": path}})
        self._audit("a policy was loaded", entry.key, str(path))
        for warning in entry.warnings:
            _log.warning("policy", extra={"attrs": {"warning": warning}})


def _check_directory(path: Path) -> None:
    if not path.is_absolute():
        raise UsageError(f"--tracing-policy-dir {path}: the path has to be absolute")
    if not path.is_dir() and str(path) != DEFAULT_POLICY_DIR:
        raise UsageError(f"--tracing-policy-dir {path}: no such directory")
