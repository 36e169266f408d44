# SPDX-License-Identifier: Apache-2.0
"""`agent`: its options, which have upstream's names. The agent itself is in tetragon_server."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

import click

from tetragon_server.config import AgentConfig

from ..boolean import boolean_option

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

_FACTORS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_PIDS_MAX: Final = 1 << 22
"""No kernel has more processes."""
_DEFAULTS: Final = AgentConfig()


class Size(click.ParamType[int]):
    """A number of bytes, with K, M or G for powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401  # click's signature
        """Bytes."""
        found = re.fullmatch(r"(\d+)([KMG]?)", str(value))
        if found is None:
            self.fail(f'"{value}" is no size; write it like 65536, 512K or 8M', param, ctx)
        return int(found[1]) * _FACTORS[found[2]]


def _split(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Repeated and comma-separated values as one tuple."""
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(word for word in words if word)


def _drop_empty(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Upstream's default is an empty name."""
    return tuple(filter(None, values))


_TEXTS: Final = (
    ("server-address", None, "Where to listen: host:port or unix:///path; empty: nowhere."),
    ("unix-socket", None, "Socket beside a TCP address [tetragon.sock in --run-dir]; empty: none."),
    ("health-server-address", None, "gRPC health service; empty: off."),
    ("metrics-server", None, "HTTP /metrics; empty: off."),
    ("run-dir", None, "Directory of the pid file, the info file and the socket."),
    ("procfs", None, "The host's proc file system."),
    ("event-queue-size", click.IntRange(min=1), "Events that wait for one subscriber."),
    ("event-queue-bytes", Size(), "Bytes that wait for one subscriber."),
    ("rb-size-total", Size(), "Size of the ring buffer."),
    ("execve-map-entries", click.IntRange(1, _PIDS_MAX), "Processes in the kernel's table."),
    ("process-cache-size", click.IntRange(min=1), "Processes the agent remembers."),
    ("tracing-policy-dir", None, "Directory of policy files, followed while running; empty: none."),
    ("bpf-dir", None, "Directory below /sys/fs/bpf for policies that outlive the agent."),
    ("max-kills-per-minute", click.IntRange(min=0), "Of one policy; then it only monitors."),
    ("username-metadata", click.Choice(["disabled", "unix"]), "User names from /etc/passwd."),
    ("cluster-name", None, "Put into every event."),
    ("log-level", None, "trace, debug, info, warn, error, fatal or panic."),
    ("log-format", click.Choice(["text", "text-ts", "json", "json-ts"]), "Form of log lines."),
)


def _config_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each row; its default is the one of AgentConfig."""
    for name, kind, text in reversed(_TEXTS):
        default = getattr(_DEFAULTS, name.replace("-", "_"))
        shown = f"{text} [{default}]" if default not in {None, ""} else text
        function = click.option(f"--{name}", type=kind, default=default, help=shown)(function)
    return function


@click.command("agent")
@_config_options
@boolean_option("--enable-process-cred", text="Credentials and capabilities in events.")
@boolean_option("--enable-process-ns", text="Namespaces in events.")
@click.option(
    "--enable-ancestors",
    multiple=True,
    callback=_split,
    help="Event types that get ancestors: base (needed by the others), kprobe, tracepoint, lsm,"
    " uprobe, usdt, loader.",
)
@click.option(
    "--tracing-policy",
    multiple=True,
    callback=_drop_empty,
    help="Policy file to load at start; may be given several times.",
)
@boolean_option(
    "--keep-sensors-on-exit",
    text="Policies that enforce go on when the agent is stopped, as after a crash.",
)
@boolean_option("--reject-enforcement", text="Refuse enforcing policies that come over gRPC.")
@click.option(
    "--never-kill",
    multiple=True,
    metavar="PID|PATH",
    help="Process or executable that policies never kill, beside pid 1, the agent and the"
    " processes above it; may be given several times.",
)
@boolean_option(
    "--enable-policy-network-actions", text="Requests of policies: GetUrl and DnsLookup."
)
@boolean_option("--expose-stack-addresses", text="Addresses in stack traces.")
@boolean_option(
    "--enable-deprecated-tracingpolicy-grpc", text="Answer the old rpcs that switch policies."
)
@click.option("-d", "--debug", is_flag=True, help="The same as --log-level debug.")
def command(*, debug: bool, **options: Any) -> int:  # noqa: ANN401  # one per field of AgentConfig
    """Run the agent on this host (needs root)."""
    from tetragon_server import agent  # noqa: PLC0415  # everything an agent needs is behind it

    config = AgentConfig(**options)
    return agent.run(dataclasses.replace(config, log_level="debug") if debug else config)
