# SPDX-License-Identifier: Apache-2.0
"""Events for expressions: an exec with most fields set, a kprobe with few, and none at all."""

from __future__ import annotations

from tetragon.capabilities_pb2 import CAP_SYS_ADMIN
from tetragon.events_pb2 import GetEventsResponse
from tetragon.tetragon_pb2 import KPROBE_ACTION_POST

__all__ = ["an_exec", "kprobe", "no_event"]


def an_exec() -> GetEventsResponse:
    """A curl in a pod, started by something unknown, a descendant of init."""
    response = GetEventsResponse()
    process = response.process_exec.process
    process.pid.value = 7
    process.binary = "/usr/bin/curl"
    process.arguments = "abc 7"
    process.refcnt = 1
    process.in_init_tree.value = True
    process.start_time.FromJsonString("2020-01-02T03:04:05.123456789Z")
    process.pod.name, process.pod.namespace = "a", "default"
    process.pod.pod_labels["app"] = "web"
    process.cap.permitted.append(CAP_SYS_ADMIN)
    response.process_exec.parent.binary = "/bin/sh"
    response.process_exec.ancestors.add(binary="/sbin/init").pid.value = 1
    return response


def kprobe() -> GetEventsResponse:
    """A file opened, and a number."""
    response = GetEventsResponse()
    hook = response.process_kprobe
    hook.function_name = "security_file_open"
    hook.action = KPROBE_ACTION_POST
    hook.process.pid.value = 5
    hook.args.add().file_arg.path = "/etc/shadow"
    hook.args.add().int_arg = 42
    return response


def no_event() -> GetEventsResponse:
    """An envelope without event: all variables are unset."""
    return GetEventsResponse()
