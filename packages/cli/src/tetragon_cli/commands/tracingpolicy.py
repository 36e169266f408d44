# SPDX-License-Identifier: Apache-2.0
"""`tracingpolicy`: load policies into the agent, list, switch and remove them, explain one."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tetragon_core.errors import TetragonError, UsageError

from ..compact.text import escape
from ..policy_generation import command as generate
from ..settings import client_options, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from google.protobuf.message import Message

    from ..client import AgentClient

    Reply = TypeVar("Reply", bound=Message)
    Command = TypeVar("Command", bound=Callable[..., object])

__all__ = ["command"]

_FAILED: Final = 1
_MODES: Final = click.Choice(["enforce", "monitor"])
_PLACE: Final = re.compile(r"\d+:\d+: ")
"""How the agent begins what it says about a place in a text without a name."""

_domain = click.option("--domain", default="", help="Domain of the policy [grpc].")
_namespace = click.option("-n", "--namespace", default="", help="Namespace of the policy.")
_mode = click.option("-m", "--mode", type=_MODES, help="Mode, whatever the file says.")
_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


@client_options
@click.group("tracingpolicy")
def command() -> None:
    """Load policies into the agent, list and remove them."""


command.add_command(generate)


@command.command("add")
@client_options
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_mode
@_domain
@click.pass_context
def _add(ctx: click.Context, files: tuple[str, ...], mode: str | None, domain: str) -> int:
    """Load policy files (- is standard input)."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    def add(client: AgentClient, file: str) -> str:
        request = pb.AddTracingPolicyRequest(yaml=_text_of(file, mode), domain=domain)
        reply = client.call("AddTracingPolicy", request, pb.AddTracingPolicyResponse)
        for warning in reply.warnings:
            click.echo(f"Warning: {_placed(warning, file)}", err=True)
        return f'tracing policy "{file}" added'

    return _for_each(ctx, files, "add", add)


@command.command("modify")
@client_options
@click.argument("file")
@_mode
def _modify(file: str, mode: str | None) -> None:
    """Print a policy file with another mode."""
    click.echo(_text_of(file, mode), nl=False)


@command.command("delete")
@client_options
@_names
@_namespace
@_domain
@click.pass_context
def _delete(ctx: click.Context, names: tuple[str, ...], namespace: str, domain: str) -> int:
    """Unload policies."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    def delete(client: AgentClient, name: str) -> str:
        request = pb.DeleteTracingPolicyRequest(name=name, namespace=namespace, domain=domain)
        client.call("DeleteTracingPolicy", request, pb.DeleteTracingPolicyResponse)
        return f'tracing policy "{name}" deleted'

    return _for_each(ctx, names, "delete", delete)


@command.command("enable")
@client_options
@_names
@_namespace
@_domain
@click.pass_context
def _enable(ctx: click.Context, names: tuple[str, ...], namespace: str, domain: str) -> int:
    """Let disabled policies report again."""
    return _configure(ctx, names, "enable", namespace=namespace, domain=domain, enable=True)


@command.command("disable")
@client_options
@_names
@_namespace
@_domain
@click.pass_context
def _disable(ctx: click.Context, names: tuple[str, ...], namespace: str, domain: str) -> int:
    """Detach policies and keep them."""
    return _configure(ctx, names, "disable", namespace=namespace, domain=domain, enable=False)


@command.command("set-mode")
@client_options
@click.argument("name")
@click.argument("mode")
@_namespace
@_domain
@click.pass_context
def _set_mode(ctx: click.Context, name: str, mode: str, namespace: str, domain: str) -> int:
    """Make a policy enforce, or only monitor."""
    if mode not in _MODES.choices:
        raise UsageError(f"invalid mode: {mode}; write enforce or monitor")
    number = f"TP_MODE_{mode.upper()}"
    what = f'set mode to "{mode}"'
    return _configure(ctx, (name,), what, namespace=namespace, domain=domain, mode=number)


@command.command("list")
@client_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@click.option("--all-fields", is_flag=True, help="Fields that only this project has, in JSON.")
@click.option("--domain", default="", help="Only policies of this domain.")
@click.pass_context
def _list(ctx: click.Context, output: str, *, all_fields: bool, domain: str) -> None:
    """List the policies the agent has."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    request = pb.ListTracingPoliciesRequest(domain=domain)
    reply = _ask(ctx, "ListTracingPolicies", request, pb.ListTracingPoliciesResponse)
    if output == "json":
        _print_json(reply, all_fields=all_fields)
        return
    from ..policy_table import policy_table  # noqa: PLC0415  # only one format is needed

    click.echo(policy_table(reply.policies), nl=False)


@command.command("domains")
@client_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def _domains(ctx: click.Context, output: str) -> None:
    """List the domains that have policies."""
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    reply = _ask(ctx, "ListDomains", pb.ListDomainsRequest(), pb.ListDomainsResponse)
    if output == "json":
        _print_json(reply)
    else:
        click.echo(f"[{' '.join(map(escape, reply.domains))}]")


@command.command("explain")
@click.argument("file")
@click.option("--btf", metavar="FILE", help="Another machine's /sys/kernel/btf/vmlinux.")
def _explain(file: str, btf: str | None) -> int:
    """Tell what a policy becomes on this kernel. Needs neither root nor the agent."""
    from tetragon_core.policy.parse import parse_policy  # noqa: PLC0415  # keeps --help fast
    from tetragon_sensors.policy.explain import explain  # noqa: PLC0415  # loads libbpf

    try:
        text = explain(parse_policy(_text_of(file), file), btf)
    except TetragonError as error:
        _complain(f"cannot explain {file}", str(error).splitlines())
        return _FAILED
    click.echo(text, nl=False)
    return 0


def _for_each(
    ctx: click.Context, words: tuple[str, ...], what: str, act: Callable[[AgentClient, str], str]
) -> int:
    """Do it for all words, whatever becomes of one; say what was done and what was not."""
    from ..client import AgentClient, RefusedError  # noqa: PLC0415  # keeps --help fast

    code = 0
    with AgentClient(client_settings(ctx)) as client:
        for word in words:
            try:
                click.echo(act(client, word))
            except (RefusedError, UsageError) as error:
                details = error.details if isinstance(error, RefusedError) else str(error)
                lines = [_placed(line, word) for line in details.splitlines()]
                _complain(f"failed to {what} tracing policy", lines)
                code = _FAILED
    return code


def _configure(
    ctx: click.Context,
    names: tuple[str, ...],
    what: str,
    *,
    namespace: str,
    domain: str,
    enable: bool | None = None,
    mode: str | None = None,
) -> int:
    from tetragon import sensors_pb2 as pb  # noqa: PLC0415  # keeps --help fast

    done = f"{what}d" if mode is None else what.replace("set mode to", "set to mode")

    def configure(client: AgentClient, name: str) -> str:
        request = pb.ConfigureTracingPolicyRequest(
            name=name, namespace=namespace, domain=domain, enable=enable, mode=mode
        )
        client.call("ConfigureTracingPolicy", request, pb.ConfigureTracingPolicyResponse)
        return f'tracing policy "{name}" {done}'

    return _for_each(ctx, names, what, configure)


def _ask(ctx: click.Context, rpc: str, request: Message, reply_type: type[Reply]) -> Reply:
    from ..client import AgentClient  # noqa: PLC0415  # keeps --help fast

    with AgentClient(client_settings(ctx)) as client:
        return client.call(rpc, request, reply_type)


def _print_json(reply: Message, *, all_fields: bool = False) -> None:
    from tetragon_server.jsontext import JsonFormat  # noqa: PLC0415  # only one format is needed

    click.echo(JsonFormat(all_fields=all_fields).render(reply), nl=False)


def _text_of(file: str, mode: str | None = None) -> str:
    """Content of a policy file, with the mode if one is given."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text: {error.reason} at byte {error.start}") from error
    if mode is None:
        return text
    from tetragon_core.policy.mode_text import (  # noqa: PLC0415  # most policies are sent as they are
        with_mode,
    )

    return with_mode(text, mode)


def _placed(line: str, file: str) -> str:
    """`12:7: …` of the agent, which does not know the file's name, as `FILE:12:7: …`."""
    return f"{file}:{line}" if _PLACE.match(line) else line


def _complain(what: str, lines: list[str]) -> None:
    """One line, or one for each problem below the first."""
    head = f"Error: {what}:"
    click.echo(
        " ".join((head, *lines)) if len(lines) < 2 else "\n  ".join((head, *lines)), err=True
    )
