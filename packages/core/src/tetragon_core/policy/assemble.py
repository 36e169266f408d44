# SPDX-License-Identifier: Apache-2.0
"""From what was written to a policy: sections joined, macros merged, defaults decided."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar, cast

from .fields import NAMESPACED_KIND
from .macros import check_macros, merge_macros
from .model import BinaryFilter, FunctionHook, Hook, Policy, Selector, Spec, Workloads
from .options import read_options
from .positions import with_positions
from .syscall_names import looks_like_syscall
from .texts import hook_message, hook_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .problems import Problems
    from .written import Metadata, WrittenPolicy, WrittenSelector, WrittenSpec

__all__ = ["assemble_policy"]

AnyHook = TypeVar("AnyHook", bound=Hook)

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 253
"""RFC 1123 subdomain, what Kubernetes takes as a name."""
_LIST: Final = "list:"
_SYSCALL_LISTS: Final = frozenset({"syscalls", "generated_syscalls"})


def assemble_policy(written: WrittenPolicy, source: str, problems: Problems) -> Policy | None:
    """The policy; None when `metadata` or `spec` is missing, which was noted before."""
    if written.metadata is None or written.spec is None:
        return None
    is_namespaced = written.kind == NAMESPACED_KIND
    _check_name(written.metadata, problems)
    return Policy(
        where=written.where,
        places=written.metadata.places,
        name=written.metadata.name,
        namespace=_namespace(written.metadata, problems, is_namespaced=is_namespaced),
        labels=written.metadata.labels,
        annotations=written.metadata.annotations,
        spec=_spec(written.spec, problems),
        source=source,
    )


def _check_name(metadata: Metadata, problems: Problems) -> None:
    name = metadata.name
    if name and (len(name) > _MAX_NAME or not _NAME.fullmatch(name)):
        message = (
            f'"{name}" is no name for a policy: small letters, digits, "-" and ".", starting and'
            f" ending with a letter or digit, at most {_MAX_NAME} characters"
        )
        problems.error(message, metadata.at("name"))


def _namespace(metadata: Metadata, problems: Problems, *, is_namespaced: bool) -> str:
    if is_namespaced:
        return metadata.namespace or "default"
    if metadata.namespace:
        message = f"a TracingPolicy has no namespace; did you mean the kind {NAMESPACED_KIND}?"
        problems.warn(message, metadata.at("namespace"))
    return ""


def _spec(written: WrittenSpec, problems: Problems) -> Spec:
    check_macros(written.selectors_macros, problems)
    sections: tuple[tuple[Hook, ...], ...] = (
        *(written.kprobes, written.fentries, written.tracepoints),
        *(written.lsmhooks, written.uprobes, written.usdts),
    )
    list_types = {each.name: each.type for each in written.lists}
    hooks = [_hook(hook, written, problems) for section in sections for hook in section]
    return Spec(
        where=written.where,
        places=written.places,
        hooks=tuple(_with_syscall(hook, list_types, problems) for hook in hooks),
        loader=written.loader,
        lists=written.lists,
        enforcers=written.enforcers,
        options=read_options(written.options, problems),
        workloads=Workloads(
            where=written.where,
            places=written.places,
            pod_selector=written.pod_selector,
            container_selector=written.container_selector,
            host_selector=written.host_selector,
        ),
        node_selector=written.node_selector,
    )


def _hook(hook: AnyHook, written: WrittenSpec, problems: Problems) -> AnyHook:
    selectors = tuple(
        _selector(cast("WrittenSelector", selector), hook, written, problems)
        for selector in hook.selectors
    )
    return replace(
        hook,
        selectors=selectors,
        message=hook_message(hook, problems),
        tags=hook_tags(hook, problems),
    )


def _selector(
    selector: WrittenSelector, hook: Hook, written: WrittenSpec, problems: Problems
) -> Selector:
    merged = merge_macros(selector, written.selectors_macros, problems)
    merged = with_positions(merged, hook.kind, hook.args)
    return replace(
        merged,
        match_binaries=_with_values(merged.match_binaries, problems),
        match_parent_binaries=_with_values(merged.match_parent_binaries, problems),
    )


def _with_values(filters: tuple[BinaryFilter, ...], problems: Problems) -> tuple[BinaryFilter, ...]:
    """Those that name a binary; the others filter nothing, as in Tetragon."""
    for each in filters:
        if not each.values and "values" in each.places and "values[0]" not in each.places:
            problems.warn("the filter has no values and is left out", each.at("values"))
    return tuple(each for each in filters if each.values)


def _with_syscall(hook: Hook, list_types: Mapping[str, str], problems: Problems) -> Hook:
    """Decide `syscall` where the policy does not: by the list's type, else by the name."""
    if not isinstance(hook, FunctionHook):
        return hook
    is_list = hook.call.startswith(_LIST)
    list_type = list_types.get(hook.call.removeprefix(_LIST), "") if is_list else ""
    if list_type in _SYSCALL_LISTS:
        return replace(hook, syscall=True)
    if "syscall" in hook.places or not hook.call:
        return hook
    if is_list:
        return replace(hook, syscall=False)
    if not looks_like_syscall(hook.call):
        message = f'{hook.call} is taken for a plain function: Tetragon wants "syscall: false" here'
        problems.warn(message, hook.at("call"))
        return replace(hook, syscall=False)
    return hook
