# SPDX-License-Identifier: Apache-2.0
"""`hook`: installs the OCI hook and tells whether it works; the entry point runs the hook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tetragon_core.errors import UsageError

from ..hook import run_hook

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon_crio_hook.install.place import Change, Place

__all__ = ["command"]

_RUNTIMES: Final = ("crio", "podman", "containerd", "docker")
_DIRECTORY: Final = "/opt/tetragon"
_ADDRESS: Final = "unix:///var/run/tetragon/tetragon.sock"


class _Group(click.Group):
    """What is no command here is the name of a hook."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or one that runs the hook."""
        return super().get_command(ctx, cmd_name) or click.Command(
            cmd_name,
            params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
            callback=lambda words: run_hook([cmd_name, *words]),
            context_settings={"ignore_unknown_options": True},
        )


def _placed(function: Callable[..., object]) -> Callable[..., object]:
    """The options that say where."""
    options = (
        click.option("--dir", "directory", default=_DIRECTORY, help="Folder of the hook."),
        click.option(
            "--host-root", default="/", metavar="DIR", help="Where the host's files are [/]."
        ),
        click.option(
            "--config",
            default="",
            metavar="PATH",
            help="The runtime's settings file, or its hooks.d [the usual one].",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


_runtime = click.option(
    "--runtime", type=click.Choice(_RUNTIMES), required=True, help="Who starts the containers."
)


@click.group("hook", cls=_Group)
def command() -> None:
    """OCI hook: tell the agent of a new container.

    Container runtimes call it with the name of a hook: createRuntime, createContainer, poststop.
    Flags of the hook are in docs/reference/hook.md.
    """


@command.command("install")
@_runtime
@_placed
@click.option(
    "--on-failure",
    type=click.Choice(("stop", "start")),
    help="What a container does that the agent could not be told of"
    " [podman, docker: start; else stop, unless its namespace is allowed].",
)
@click.option("--base-spec", default="", metavar="FILE", help="containerd: output of ctr oci spec.")
@click.option("--runtime-path", default="", metavar="FILE", help="docker: the runtime [runc].")
@click.option("--default-runtime", is_flag=True, help="docker: for all containers.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.argument("hook_arguments", nargs=-1, type=click.UNPROCESSED)
def install(runtime: str, *, dry_run: bool, **given: object) -> None:
    """Install the hook for a container runtime (needs root).

    What stands after -- is added to the hook's command line.
    """
    from tetragon_crio_hook.install import installer  # noqa: PLC0415  # keeps --help fast

    place = _place(runtime, **given)
    if dry_run:
        for change in installer.plan(runtime, place):
            click.echo(_difference(change), nl=False)
        click.echo(f"would write {place.program}")
        return
    installer.install(runtime, place, click.echo)
    click.echo(installer.ADVICE[runtime])


@command.command("uninstall")
@_runtime
@_placed
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
def uninstall(runtime: str, *, dry_run: bool, **given: object) -> None:
    """Undo `hook install` (needs root)."""
    from tetragon_crio_hook.install import installer  # noqa: PLC0415  # as above
    from tetragon_crio_hook.install.record import Record  # noqa: PLC0415  # as above

    place = _place(runtime, **given)
    if dry_run:
        for entry in Record(place).runtimes.get(runtime, []):
            click.echo(f"would {'remove' if entry.before is None else 'restore'} {entry.path}")
        return
    installer.uninstall(runtime, place, click.echo)
    click.echo(installer.ADVICE[runtime])


@command.command("status")
@_placed
@click.option("--grpc-address", default=_ADDRESS, help="Address of the agent.")
def status(*, grpc_address: str, **given: object) -> int:
    """Tell whether the hook works; exit code 1 when something is wrong."""
    from tetragon_crio_hook.install.status import status_lines  # noqa: PLC0415  # as above

    is_well = True
    for is_right, text in status_lines(_place("", **given), grpc_address):
        click.echo(f"{'ok ' if is_right else 'BAD'}  {text}")
        is_well = is_well and is_right
    return 0 if is_well else 1


@command.command("print-config")
@_placed
@click.argument("hook_arguments", nargs=-1, type=click.UNPROCESSED)
def print_config(**given: object) -> None:
    """Print the hooks.d file for CRI-O and podman."""
    from tetragon_crio_hook.install.hooks_d import hook_file  # noqa: PLC0415  # as above

    place = _place("", **given)
    click.echo(hook_file(place.command("createRuntime")), nl=False)


def _place(runtime: str, **given: object) -> Place:
    """The options as paths; raises UsageError for those that are relative."""
    from tetragon_crio_hook.install.place import (  # noqa: PLC0415  # as above
        STARTS,
        Place,
        usual_arguments,
    )

    arguments = given.get("hook_arguments", ())
    assert isinstance(arguments, tuple)
    chosen = given.get("on_failure")
    extra = {"start": STARTS, "stop": ()}.get(str(chosen), usual_arguments(runtime))
    return Place(
        directory=_path("--dir", given) or Path(_DIRECTORY),
        host_root=_path("--host-root", given) or Path("/"),
        hook_arguments=(*arguments, *extra),
        config_file=_path("--config", given),
        base_spec=Path(str(given["base_spec"])) if given.get("base_spec") else None,
        runtime_path=_path("--runtime-path", given),
        is_default_runtime=given.get("default_runtime") is True,
    )


def _path(option: str, given: dict[str, object]) -> Path | None:
    name = {"--dir": "directory"}.get(option, option.removeprefix("--").replace("-", "_"))
    text = given.get(name)
    if not text:
        return None
    if not str(text).startswith("/"):
        raise UsageError(f"{option} {text}: wanted a path from /")
    return Path(str(text))


def _difference(change: Change) -> str:
    """As diff -u shows it."""
    import difflib  # noqa: PLC0415  # as above

    before = (change.before or b"").decode(errors="replace").splitlines(keepends=True)
    after = change.after.decode(errors="replace").splitlines(keepends=True)
    name = str(change.path)
    rows = difflib.unified_diff(before, after, name if change.before else "/dev/null", name)
    return "".join(row if row.endswith("\n") else f"{row}\n" for row in rows)
