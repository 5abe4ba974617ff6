# SPDX-License-Identifier: MIT
"""What Kafka Connect answers, read: reasons in a sentence, errors of a configuration, states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import requests
from requests import Response

from django_kafka.connect.masking import masked_text
from django_kafka.exceptions import DjangoKafkaError

LONGEST = 500  # characters of somebody else's text
_JSON = (list, str, int, float, bool, type(None))
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_CLASS_NAME = re.compile(r"\b(?:[a-z_][\w$]*\.){2,}(?=[A-Z])")


class ConnectorStatus(StrEnum):
    """The states of a connector, and of its tasks.

    UNASSIGNED: no worker has taken it (yet). RUNNING. PAUSED: asked to rest. STOPPED: asked to end its tasks.
    RESTARTING. FAILED: it has raised an exception, and does nothing until it is restarted."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"


# What is said of a connector whose tasks differ: the worst.
_WORST_FIRST = ("FAILED", "UNASSIGNED", "RESTARTING", "STOPPED", "PAUSED")


@dataclass(frozen=True)
class State:
    """A connector's state, with that of its tasks. reason: in a sentence, when it is not RUNNING."""

    status: str
    reason: str = ""
    tasks: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, body: Any) -> State:
        """From the answer about a connector's status. Errors: DjangoKafkaError when it is none."""
        try:
            status = body["connector"]["state"]
            tasks: Any = body.get("tasks")
            states = [task["state"] for task in tasks or ()]
            own_trace = sentence(body["connector"].get("trace", ""))
        except (KeyError, TypeError, AttributeError) as error:
            raise DjangoKafkaError("The answer about the status is not one of Kafka Connect.") from error
        if status != ConnectorStatus.RUNNING:
            return cls(status, own_trace, states)
        if tasks is not None and not tasks:
            return cls(ConnectorStatus.UNASSIGNED, "it has no task", states)
        for worst in _WORST_FIRST:
            if worst in states:
                task: Any = list(tasks or ())[states.index(worst)]
                trace = sentence(task.get("trace", ""))
                reason = f"task {task.get('id')} of {len(states)} is {worst}"
                return cls(worst, f"{reason}: {trace}" if trace else reason, states)
        return cls(status, "", states)


def is_ok(response: Response) -> bool:
    """Whether the answer is 2xx. (requests takes a redirection for fine, too.)"""
    status: Any = response.status_code
    redirected = isinstance(status, int) and 300 <= status < 400
    return bool(response.ok) and not redirected


def refusal(response: Response) -> DjangoKafkaError:
    """The error for an answer that says no. Its context is the response."""
    return DjangoKafkaError(reason_of(response), context=response)


def reason_of(response: Response) -> str:
    """What an answer that says no says, in a sentence."""
    status = response.status_code
    if isinstance(status, int) and 300 <= status < 400:
        target = masked_text(str(response.headers.get("Location", "another place")))
        return f"{status}: redirected to {target}; name that host in CONNECT_HOST"
    text = sentence(_message(response))
    if status == 401:
        return f"401: the credentials in CONNECT_AUTH are missing or refused{f' ({text})' if text else ''}"
    return f"{status}: {text}" if text else f"{status}, without a word of explanation"


def _message(response: Response) -> str:
    """The text of an error: Connect's own is JSON with a message."""
    text = response.text
    try:
        body = response.json()
    except ValueError:
        return text
    message = body.get("message") if isinstance(body, Mapping) else None
    return message if isinstance(message, str) else text


def sentence(text: Any) -> str:
    """A text of a server as one line: of a Java trace the exceptions without their stacks, the first and the last
    cause; of a page what a person would read."""
    if not isinstance(text, str):
        return ""
    if text.lstrip().startswith("<"):
        text = _TAG.sub(" ", text)
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "... ", "Suppressed:"))]
    causes = [line.removeprefix("Caused by: ") for line in told if line.startswith("Caused by: ")]
    first = [line for line in told if not line.startswith("Caused by: ")]
    parts = [" ".join(first)] if first else []
    if causes and causes[-1] not in parts:
        parts.append(causes[-1])
    line = masked_text(" ".join(": ".join(_CLASS_NAME.sub("", part) for part in parts).split()))
    # The end is the last cause, or what an exception says behind the state that it prints first.
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def body_of(response: Response) -> Mapping[str, Any]:
    """The JSON object of an answer that says yes.

    Errors: DjangoKafkaError when it is something else: what answers may not be Kafka Connect."""
    try:
        body: Any = response.json()
    except ValueError as error:
        raise _strange(response, "is not JSON") from error
    if isinstance(body, _JSON):
        raise _strange(response, f"is a JSON {type(body).__name__}")
    return body


def _strange(response: Response, what: str) -> DjangoKafkaError:
    excerpt = sentence(response.text)[:100]
    text = f"{response.status_code}: the answer {what}, not an object: is CONNECT_HOST Kafka Connect? ({excerpt!r})"
    return DjangoKafkaError(text, context=response)


def errors_of(validation: Mapping[str, Any]) -> list[str]:
    """The errors that the answer to a validation lists, `option: error`, in its order."""
    configs = validation.get("configs") if isinstance(validation, Mapping) else None
    found = []
    for config in configs if isinstance(configs, list) else ():
        value = config.get("value") or {}
        for error in value.get("errors") or ():
            found.append(f"{value.get('name')}: {sentence(error)}")
    count = validation.get("error_count", 0) if isinstance(validation, Mapping) else 0
    if not found and isinstance(count, int) and count > 0:
        found.append(f"{count} errors that the answer does not name")
    return found


def trouble_of(error: Exception) -> str:
    """What happened to a request or a connector, in a sentence."""
    if isinstance(error, DjangoKafkaError):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return f"Kafka Connect's certificate is not accepted, see CONNECT_VERIFY: {_innermost(error)}"
    if isinstance(error, requests.exceptions.RetryError):
        return f"Kafka Connect answers with errors again and again: {_innermost(error)}"
    if isinstance(error, requests.exceptions.Timeout):
        return f"Kafka Connect does not answer in time: {_innermost(error)}"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"Kafka Connect cannot be reached, see CONNECT_HOST: {_innermost(error)}"
    return f"{type(error).__name__}: {sentence(str(error))}"


def _innermost(error: BaseException) -> str:
    """The last reason that an error of requests was made for. urllib3 nests them, with a memory address."""
    reason: Any = error.args[0] if error.args else error
    while (inner := getattr(reason, "reason", None)) is not None and inner is not reason:
        reason = inner
    return sentence(re.sub(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ", "", str(reason)))
