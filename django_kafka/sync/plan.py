# SPDX-License-Identifier: MIT
"""Which path the changes of a model take, and what rules the faster ones out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DateField, DateTimeField, Field, FileField, Model, TimeField
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset
from django_kafka.connect.versioned import KafkaConnectVersionedModel, KafkaConnectVersionedQueryset, VersionField
from django_kafka.exceptions import ConfigurationError
from django_kafka.sync.copyable import against_copy
from django_kafka.sync.rows import manager_of
from django_kafka.sync.target import target_of

COPY, BULK, INSTANCES = "copy", "bulk", "instances"
MODES = ("auto", COPY, BULK, INSTANCES)


@dataclass(frozen=True)
class Reason:
    """What rules a path out. hard: it cannot be taken at all; else it could be told apart from the others."""

    path: str
    text: str
    hard: bool = False


@dataclass(frozen=True)
class Plan:
    """path: that is taken. reasons: against those that are faster."""

    path: str
    reasons: tuple[Reason, ...]

    def explain(self) -> str:
        """For people: the path, and a line for each reason."""
        lines = [self.path, *(f"not {reason.path}: {reason.text}" for reason in self.reasons)]
        return "\n".join(lines)


def make_plan(topic: Any, model: Any, using: str) -> Plan:
    """The plan for a model's rows in this database.

    Errors: ConfigurationError when `sync_mode` asks for a path that cannot be taken."""
    against = list(against_bulk(topic, model, using))
    against_copying = [Reason(COPY, text, hard) for text, hard in against_copy(topic, model, using)]
    mode = topic.sync_mode
    if mode not in MODES:
        raise ConfigurationError(f"sync_mode of {_name(topic)} is {mode!r}, not one of {', '.join(MODES)}.")
    if mode == INSTANCES:
        return Plan(INSTANCES, (Reason(BULK, "sync_mode is 'instances'"),))
    if mode == COPY:
        hard = [reason.text for reason in (*against_copying, *against) if reason.hard]
        if hard:
            raise ConfigurationError(f"sync_mode of {_name(topic)} is 'copy', but {'; '.join(hard)}.")
        return Plan(COPY, ())
    if mode == BULK:
        hard = [reason.text for reason in against if reason.hard]
        if hard:
            raise ConfigurationError(f"sync_mode of {_name(topic)} is 'bulk', but {'; '.join(hard)}.")
        return Plan(BULK, ())
    if against:
        return Plan(INSTANCES, (*against_copying, *against))
    return Plan(BULK, tuple(against_copying)) if against_copying else Plan(COPY, ())


def _name(topic: Any) -> str:
    return f"{type(topic).__module__}.{type(topic).__qualname__}"


def against_bulk(topic: Any, model: Any, using: str) -> Iterator[Reason]:
    """Everything that rules the bulk path out."""
    overridden = topic.overridden()
    for hook in ("sync", "consume"):
        if hook in overridden:
            yield Reason(BULK, f"{hook}() is overridden", hook == "sync")
    yield from _of_database(model, using)
    yield from _of_model(model)
    yield from _of_signals(topic, model)


def _of_database(model: Any, using: str) -> Iterator[Reason]:
    features = connections[using].features
    vendor = connections[using].display_name
    if not features.supports_update_conflicts:
        yield Reason(BULK, f"{vendor} has no upsert", True)
    elif not features.supports_update_conflicts_with_target and len(_own_uniques(model)) > 1:
        yield Reason(
            BULK,
            f"{vendor} cannot upsert by one of several unique constraints: a row that agrees with another row in "
            "another constraint would overwrite it",
            True,
        )


def _own_uniques(model: Any) -> set[Any]:
    """All that is unique in the table, whatever else it depends on."""
    opts = model._meta.concrete_model._meta
    found: set[Any] = {("pk",)}
    found.update((field.name,) for field in opts.local_concrete_fields if field.unique and not field.primary_key)
    found.update(tuple(group) for group in opts.unique_together)
    found.update(constraint.name for constraint in opts.total_unique_constraints)
    found.update(
        constraint.name for constraint in opts.constraints if type(constraint).__name__ == "UniqueConstraint"
    )
    return found


def _of_model(model: Any) -> Iterator[Reason]:
    concrete = model._meta.concrete_model
    if any(parent._meta.concrete_model is not concrete for parent in model._meta.get_parent_list()):
        yield Reason(BULK, "its rows are in several tables (multi-table inheritance)", True)
    for method in ("save", "save_base", "delete", "_do_insert", "_do_update", "_save_table"):
        known = {getattr(cls, method) for cls in (Model, KafkaConnectSkipModel, KafkaConnectVersionedModel)}
        if getattr(model, method) not in known:
            yield Reason(BULK, f"{model.__name__}.{method}() is the model's own")
    yield from _of_manager(model)
    for field in target_of(model).fields:
        if not _is_known(field):
            yield Reason(BULK, f"the field {field.name} has a pre_save() of its own")


# Django's, and those that write kafka_skip and kafka_version, which every path writes.
_KNOWN_MODULES = (
    "django.db.models.",
    KafkaConnectSkipQueryset.__module__,
    KafkaConnectVersionedQueryset.__module__,
)
_QUERIES = ("create", "get_or_create", "update_or_create", "bulk_create", "delete", "get", "filter")


def _of_manager(model: Any) -> Iterator[Reason]:
    manager = manager_of(model, DEFAULT_DB_ALIAS)
    for method in _QUERIES:
        for owner in (type(manager), type(manager.all())):
            function = getattr(owner, method, None)
            if function is not None and not getattr(function, "__module__", "").startswith(_KNOWN_MODULES):
                yield Reason(BULK, f"{method}() of the manager of {model.__name__} is the project's own")
                break


def _is_known(field: Any) -> bool:
    """Whether the field does before saving what bulk_create() does as well."""
    return type(field).pre_save in _KNOWN


_KNOWN = frozenset(field.pre_save for field in (Field, DateField, DateTimeField, TimeField, FileField, VersionField))


def _of_signals(topic: Any, model: Any) -> Iterator[Reason]:
    for name, signal in (
        ("pre_save", pre_save),
        ("post_save", post_save),
        ("pre_delete", pre_delete),
        ("post_delete", post_delete),
    ):
        if not signal.has_listeners(model):
            continue
        if topic.send_signals and name != "pre_save":
            continue
        yield Reason(BULK, f"{name} of {model.__name__} has receivers")
