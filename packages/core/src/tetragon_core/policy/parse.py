# SPDX-License-Identifier: Apache-2.0
"""Policy files to `model.Policy`. Asks no kernel; reads no file.

text ──document──► YAML nodes ──schema + fields──► written ──macros, lists──► Policy ──checks──►
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml.nodes import MappingNode, Node, ScalarNode

from .assemble import assemble_policy
from .checks import check_policy
from .document import compose_documents, place, shown
from .fields import POLICY, POLICY_KINDS
from .model import Where
from .problems import PolicyError, Problem, Problems, did_you_mean
from .written import WrittenPolicy

if TYPE_CHECKING:
    from .model import Policy

__all__ = ["parse_policies", "parse_policy"]


def parse_policies(text: str, source: str = "", problems: Problems | None = None) -> list[Policy]:
    """Every policy of a file, in its order; empty documents are skipped.

    `source` names the file in messages. Warnings are left in `problems`, if that is given.
    Raises PolicyError with all that is wrong with the file.
    """
    found = Problems() if problems is None else problems
    policies = [_read(node, source, found) for node in compose_documents(text, source)]
    if found.errors:
        raise PolicyError(_in_order(found.errors), source)
    found.warnings[:] = _in_order(found.warnings)
    return [policy for policy in policies if policy is not None]


def parse_policy(text: str, source: str = "", problems: Problems | None = None) -> Policy:
    """The one policy of a file.

    `source` names the file in messages. Warnings are left in `problems`, if that is given.
    Raises PolicyError with all that is wrong with the file, also when it has several policies.
    """
    policies = parse_policies(text, source, problems)
    if not policies:
        raise PolicyError([Problem(Where(""), "there is no policy in it")], source)
    if len(policies) > 1:
        names = ", ".join(policy.name for policy in policies)
        message = f"{len(policies)} policies in one file ({names}); split it, one policy a file"
        raise PolicyError([Problem(policies[1].where, message)], source)
    return policies[0]


def _in_order(problems: list[Problem]) -> list[Problem]:
    """As in the file, and each once: a macro is checked wherever it is used."""
    return sorted(dict.fromkeys(problems), key=lambda each: (each.where.line, each.where.column))


def _read(node: Node, source: str, problems: Problems) -> Policy | None:
    if _is_something_else(node, problems):
        return None
    written = POLICY.read(node, "", problems)
    if not isinstance(written, WrittenPolicy):
        return None
    policy = assemble_policy(written, source, problems)
    if policy is not None:
        check_policy(policy, problems)
    return policy


def _is_something_else(node: Node, problems: Problems) -> bool:
    """Note a document of another kind, whose fields would only make noise."""
    entries = node.value if isinstance(node, MappingNode) else []
    for key, value in entries:
        if isinstance(key, ScalarNode) and key.value == "kind" and isinstance(value, ScalarNode):
            near = did_you_mean(value.value, POLICY_KINDS)
            if value.value not in POLICY_KINDS and not near:
                message = f"{shown(value)} is no policy; allowed: {', '.join(POLICY_KINDS)}"
                problems.error(message, place(value, "kind"))
                return True
    return False
