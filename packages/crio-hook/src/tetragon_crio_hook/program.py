# SPDX-License-Identifier: Apache-2.0
"""What the hook does: reads what the runtime hands it, tells the agent, decides about failures.

Whatever happens, it ends at its deadline: a timer interrupts what does not.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from tetragon_core.errors import ConnectionFailedError, TetragonError

from . import agent_call, bundle_hook, container_facts, container_spec, options, request_message
from .failure_policy import reason_to_fail
from .log_file import LogFile, now_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping
    from typing import Final

    from .failure_policy import Evaluate
else:
    # The module signal imports enum, 5 ms; this is what it is made of.
    import _signal as signal

__all__ = ["run"]

_STDIN: Final = 0
_CALL_ENDS_S: Final = 0.1
"""A call of the agent ends by itself, and tells more than the timer does."""
_GRACE_S: Final = 1.0
"""After the deadline: to write why into the log."""


class _InterruptedError(ConnectionFailedError):
    """The deadline has come, or somebody wants the hook to end."""


def run(words: list[str], directory: str, evaluate: Evaluate | None = None) -> int:
    """Take a command line; return the exit code. `directory` has settings and log by default.

    Raises UsageError for a wrong command line or settings file.
    """
    words, runtime_words = bundle_hook.split_words(words)
    settings = options.file_texts(f"{directory}/{options.SETTINGS_NAME}")
    chosen = options.parse(words, directory, settings)
    if chosen.just_print_config:
        sys.stdout.write(_settings_text(chosen))
        sys.stdout.flush()
        return 0
    log = LogFile(chosen.log_fname, chosen.log_level)
    call = _Call(chosen, log, evaluate)
    if chosen.hook == "createRuntime":
        return call.guarded(call.create_runtime)
    if chosen.hook == bundle_hook.NAME:
        program = f"{directory}/tetragon-oci-hook"
        return call.guarded(lambda: bundle_hook.add_to_bundle(program, words[1:], runtime_words))
    if chosen.hook == "createContainer":
        log.write("INFO", "nothing to do", hook=chosen.hook)
    elif chosen.hook == "server-version":
        return call.guarded(call.server_version)
    elif chosen.hook != "poststop":
        log.write("WARN", "hook called with unknown hook", hook=chosen.hook)
    return 0


class _Call:
    """One run of the hook."""

    def __init__(self, chosen: options.Options, log: LogFile, evaluate: Evaluate | None) -> None:
        self._options = chosen
        self._log = log
        self._evaluate = evaluate
        self._deadline = monotonic() + chosen.timeout_s
        self._annotations: Mapping[str, str] = {}

    def guarded(self, work: Callable[[], None]) -> int:
        """Do it with a timer; the exit code."""
        _interrupt_after(self._options.timeout_s + _CALL_ENDS_S)
        try:
            work()
        except TetragonError as error:
            _interrupt_after(max(0.0, self._deadline - monotonic()) + _GRACE_S)
            return self._failed(error)
        except MemoryError:
            return self._failed(TetragonError("out of memory"))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return 0

    def server_version(self) -> None:
        """Ask the agent."""
        chosen = self._options
        reply = agent_call.call(chosen.grpc_address, "GetVersion", b"", self._deadline)
        version = request_message.version_of(reply)
        self._log.write("INFO", "server-version", version=version)

    def create_runtime(self) -> None:
        """Tell the agent about the container; raises TetragonError for what hinders that."""
        log, chosen = self._log, self._options
        log.always(hook=chosen.hook, start_time=now_text())
        state = self._state()
        self._annotations = container_facts.texts(state.annotations)
        spec = container_spec.find_spec(state.bundle, os.getcwd())  # noqa: PTH109  # pathlib is slow
        facts = container_facts.collect(spec, state)
        self._annotations = facts.annotations
        if facts.warning:
            log.write("WARN", "error getting cgroup path", error=facts.warning)
        log.always(
            **{
                "req-cgroups": facts.cgroups_path,
                "req-rootdir": facts.root_dir,
                "req-containerName": facts.name,
                "req-containerID": facts.id,
                "req-containerImage": facts.image,
                "req-podName": facts.pod_name,
                "req-podUID": facts.pod_uid,
                "req-podNamespace": facts.pod_namespace,
            }
        )
        log.write("DEBUG", "the container's annotations", req_annotations=facts.annotations)
        if chosen.disable_grpc:
            log.write("INFO", "gRPC was disabled, so will not be contacting the agent")
            return
        message = request_message.request_bytes(facts)
        agent_call.call(chosen.grpc_address, "RuntimeHook", message, self._deadline)
        self._log_last("INFO", "hook request to agent succeeded")

    def _state(self) -> container_spec.State:
        """Not every caller gives one, and the working directory may do without."""
        try:
            return container_spec.read_state(_STDIN)
        except _InterruptedError:
            raise
        except TetragonError as error:
            self._log.write("WARN", "no state from the runtime", error=str(error))
            return container_spec.State({})

    def _failed(self, error: TetragonError) -> int:
        """Log it, and decide."""
        if self._options.hook == "server-version":
            self._log_last("WARN", "failed to get server version", error=str(error))
            _say(f"failed to get server version: {error}")
            return 1
        reason = reason_to_fail(self._options, self._annotations, self._evaluate)
        if not reason:
            message = "a failure does not stop this container"
            self._log_last("WARN", message, err=str(error))
            return 0
        self._log_last("WARN", "failing container", should_fail=reason, error=str(error))
        _say(f"failing container: {error}; {reason}. Check logs ({self._options.log_fname})")
        return 1

    def _log_last(self, level: str, message: str, **attributes: object) -> None:
        """What happens is decided: a log that hangs changes nothing about it."""
        try:
            self._log.write(level, message, **attributes)
        except _InterruptedError:
            _say(f"the log {self._options.log_fname} hangs")


def _say(text: str) -> None:
    """On standard error, which may be gone."""
    try:
        os.write(2, f"{' '.join(text.split())}\n".encode(errors="replace"))
    except OSError:
        return


def _interrupt_after(seconds: float) -> None:
    """Whatever the hook does then, it ends with an error, as it does on SIGTERM and SIGINT."""
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _interrupt(number: int, _frame: object) -> None:
    if number == signal.SIGALRM:
        raise _InterruptedError("the hook did not end in time (see --grpc-timeout)")
    raise _InterruptedError(f"the hook got signal {number}")


def _settings_text(chosen: options.Options) -> str:
    return "".join(f"{flag.name}: {getattr(chosen, flag.field)}\n" for flag in options.FLAGS)
