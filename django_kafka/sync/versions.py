# SPDX-License-Identifier: MIT
"""Which events of a row count, for topics with `version_field`: those that are not older than what the row is.

A state is the version of a row, and whether the row is gone. Of two states the larger one counts: a deletion wins
over what it deletes, and over nothing newer. Which rows are gone is known of models that derive from
KafkaConnectVersionedModel, where rows are looked up by their primary key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django_kafka.connect.graves import bury, versions_of_deleted
from django_kafka.connect.versions import VERSION, has_version
from django_kafka.sync.change import Change
from django_kafka.sync.target import target_of

State = tuple[Any, bool]


def state_of(row: Any, topic: Any) -> State:
    """Of a row that is there."""
    return (getattr(row, topic.version_field), False)


def state_after(change: Change, topic: Any, names: Sequence[str]) -> State | None:
    """Of a row that a change was made to."""
    known = not change.delete or _remembers(topic, change.model, names)
    return (change.version, change.delete) if known else None


def is_older(change: Change, current: State | None) -> bool:
    """Whether the event is older than what the row is. None: nothing is known of it."""
    if change.version is None or current is None or current[0] is None:
        return False
    return bool((change.version, change.delete) < current)


def _remembers(topic: Any, model: Any, names: Sequence[str]) -> bool:
    return (
        topic.version_field == VERSION
        and has_version(model)
        and len(names) == 1
        and names[0] in target_of(model).pk_attnames
    )


def states_of_deleted(
    topic: Any, model: Any, using: str, names: Sequence[str], keys: Iterable[Any]
) -> dict[Any, State]:
    """Of rows that are not there, by key: those that are known to be gone."""
    if not _remembers(topic, model, names):
        return {}
    return {key: (version, True) for key, version in versions_of_deleted(model, using, keys).items()}


def remember_deleted(topic: Any, model: Any, using: str, names: Sequence[str], versions: dict[Any, Any]) -> None:
    """Remember the versions of deletions, by key, even of rows that were not there. Inside a transaction."""
    known = {key: version for key, version in versions.items() if version is not None}
    if known and _remembers(topic, model, names):
        bury(model, using, known)
