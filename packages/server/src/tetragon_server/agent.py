# SPDX-License-Identifier: Apache-2.0
"""The composition root: opens what the agent stands on, in order, and runs it until a signal.

The only module that knows the sensors. How the parts work together is in `running.py`.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core import __version__
from tetragon_core.errors import PermissionDeniedError, TetragonError
from tetragon_core.privileges import FEATURES, Held, lacking
from tetragon_core.procfs import ProcScanner
from tetragon_core.stats import Stats

from .endpoints import Endpoints
from .host import read_hierarchy
from .logs import setup_logging
from .rails import enforcement_limits
from .running import Agent, Sensor
from .runtime_files import pid_file
from .service_manager import ServiceManager
from .stop_signals import held_back_stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.enforcement import EnforcementLimits
    from tetragon_core.messages import Namespaces

    from .config import AgentConfig
    from .policies.engine import Ask, EarlierRuns, PolicyEngine
    from .running import OpenEngine

    OpenSensor = Callable[[AgentConfig, Hierarchy, Stats], AbstractContextManager[Sensor]]

__all__ = ["Sensor", "run"]

_log = logging.getLogger(__name__)


def run(
    config: AgentConfig,
    open_sensor: OpenSensor | None = None,
    open_engine: OpenEngine | None = None,
    reread: Callable[[], AgentConfig] | None = None,
    tell: Callable[[], None] | None = None,
) -> int:
    """Run the agent until SIGTERM or SIGINT; TetragonError says why it could not start.

    `reread` gives the settings anew, at each SIGHUP; it raises TetragonError when it cannot. `tell`
    logs where they come from; it is called when there is a log.
    """
    setup_logging(config.level, config.log_format, config.log_file)
    if tell is not None:
        tell()
    config.check()
    limits = enforcement_limits(config)
    _log.info("agent starts", extra={"attrs": {"version": __version__, "pid": os.getpid()}})
    _tell_what_is_missing()
    stats = Stats()
    hierarchy = read_hierarchy(Path(config.procfs))
    with ExitStack() as stack, _told_out_of_descriptors():
        stack.enter_context(held_back_stop_signals())
        stack.enter_context(pid_file(Path(config.run_dir)))
        endpoints = Endpoints(config, stack)
        sensor = stack.enter_context((open_sensor or _open_sensor)(config, hierarchy, stats))
        stats.add_source(sensor.counters)
        if config.enable_program_stats:
            stack.enter_context(_counted_runs())
        scanner = ProcScanner(
            config.procfs,
            hierarchy,
            with_environment=config.enable_process_environment_variables,
        )
        opener = open_engine or partial(_open_engine, keep_root=config.keep_root)
        agent = Agent(config, sensor, stats, scanner, opener, limits, _open_earlier, reread)
        agent.probe = _probe_features
        agent.service_manager = ServiceManager.of(os.environ)
        asyncio.run(agent.serve(endpoints))
    _log.info("agent stopped")
    return 0


def _tell_what_is_missing(held: Held | None = None) -> None:
    """Of privileges without which nothing fails, but less is seen."""
    held = held or Held.here()
    for one in FEATURES:
        if one.is_quiet and (lacks := held.told(one)):
            told = {"reason": lacks, "of": one.purpose, "so": one.without}
            _log.warning("something will not be seen", extra={"attrs": told})


def _probe_features() -> dict[str, bool]:
    from tetragon_sensors.kernel.probes import probe_features  # noqa: PLC0415  # when first asked

    return dict(probe_features())


@contextmanager
def _told_out_of_descriptors() -> Iterator[None]:
    """The limit can be met anywhere, and there is one thing to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        raise TetragonError(
            "too many open files: raise the limit (`ulimit -n 1024`, or the service's LimitNOFILE)"
        ) from error


def _open_sensor(
    config: AgentConfig, hierarchy: Hierarchy, stats: Stats
) -> AbstractContextManager[Sensor]:
    if lacks := lacking("events"):
        raise PermissionDeniedError(
            f"the agent loads programs into the kernel: {lacks}; run it as root"
        )
    from tetragon_sensors._wire import PROC_ENTRY  # noqa: PLC0415  # as below
    from tetragon_sensors.base import BaseSensor, SensorConfig  # noqa: PLC0415  # loads libbpf
    from tetragon_sensors.libbpf import possible_cpus  # noqa: PLC0415  # as above

    sizes = SensorConfig(
        ring_bytes=config.ring_bytes(possible_cpus()),
        process_entries=config.process_entries(PROC_ENTRY.size),
        hierarchy=hierarchy,
        with_environment=config.enable_process_environment_variables,
        rate=config.rate,
    )
    return BaseSensor(sizes, stats)


@contextmanager
def _counted_runs() -> Iterator[None]:
    """The kernel counts the runs of programs as long as a descriptor is open. Raises LoadError."""
    from tetragon_sensors.kernel.programs import open_run_statistics  # noqa: PLC0415  # as above

    descriptor = open_run_statistics()
    try:
        yield
    finally:
        os.close(descriptor)


def _open_engine(
    sensor: Sensor,
    host: Namespaces | None,
    ask: Ask | None,
    limits: EnforcementLimits,
    *,
    keep_root: Path,
) -> PolicyEngine:
    """Called when the first policy comes: reading the kernel's types takes a while."""
    from tetragon_sensors.base import BaseSensor  # noqa: PLC0415  # as above
    from tetragon_sensors.kernel.facts import Kernel  # noqa: PLC0415  # only with a policy
    from tetragon_sensors.policy.engine import Engine  # noqa: PLC0415  # only with a policy

    assert isinstance(sensor, BaseSensor)
    return Engine(sensor, Kernel.running(), host, ask, limits, keep_root)


def _open_earlier(root: Path) -> EarlierRuns | None:
    try:
        if not root.is_dir():
            return None
    except PermissionError as error:
        reason = lacking("files") or error.strerror
        raise PermissionDeniedError(f"cannot look into {root}: {reason}") from error
    from tetragon_sensors.policy import earlier  # noqa: PLC0415  # only with kept policies

    runs = earlier.EarlierRuns(root)
    runs.protect()
    return runs
