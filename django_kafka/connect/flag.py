# SPDX-License-Identifier: MIT
"""The field `kafka_skip`: it knows whether it was assigned, and deconstructs as a project's migrations have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AlterField, CreateModel, RenameModel, SeparateDatabaseAndState
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

NAME = "kafka_skip"
_EDITABLE = "_migrated_as_editable"
RESET = "_reset_kafka_skip"  # of an object: the next save() writes False


class Assigned(DeferredAttribute):
    """Assigning a value, even the same, makes it the one that the next save() writes."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value
        instance.__dict__[RESET] = False


class SkipField(models.BooleanField):
    """A BooleanField, in migrations too.

    It is not editable, as in django-kafka since 1.0.1. Migrations of projects that began with an older version say
    that it is. That makes no difference to a database, so the field says what they say: makemigrations finds nothing
    to do."""

    descriptor_class = Assigned

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", False)
        kwargs.setdefault("editable", False)
        kwargs.setdefault("verbose_name", _("Kafka skip"))
        # As migrations of projects have it, word for word.
        kwargs.setdefault(
            "help_text",
            _(
                "Used by Kafka Connect to suppress event creation."
                "\nGets reset to False on .save() method call, unless explicitly set."
            ),
        )
        self.__dict__[_EDITABLE] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        if self.__dict__[_EDITABLE]:
            kwargs.pop("editable", None)
        return name, "django.db.models.BooleanField", args, kwargs

    def clone(self) -> Any:
        """As the states of migrations are made of models."""
        _name, _path, args, kwargs = self.deconstruct()
        made = type(self)(*args, **{"editable": self.editable, **kwargs})
        model = getattr(self, "model", None)
        made.__dict__[_EDITABLE] = (
            self.__dict__[_EDITABLE] if model is None else _is_migrated_as_editable(model._meta, self.name)
        )
        return made


def _is_migrated_as_editable(opts: Any, name: str) -> bool:
    """Whether the last migration of the project that speaks of the field makes it editable."""
    model = opts.model_name  # its name in older migrations may be another one
    for operation in reversed(list(_operations(opts.app_label))):
        if isinstance(operation, RenameModel) and operation.new_name_lower == model:
            model = operation.old_name_lower
        elif isinstance(operation, CreateModel) and operation.name_lower == model:
            return any(field_name == name and field.editable for field_name, field in operation.fields)
        elif (
            isinstance(operation, (AddField, AlterField))
            and operation.model_name_lower == model
            and operation.name_lower == name
        ):
            return bool(operation.field.editable)
    return False


def _operations(app_label: str) -> Iterator[Any]:
    """What the app's migrations do to models, in their order."""
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    seen = set()
    for leaf in graph.leaf_nodes(app_label):
        for node in graph.forwards_plan(leaf):
            if node[0] == app_label and node not in seen:
                seen.add(node)
                yield from _flat(graph.nodes[node].operations)


def _flat(operations: Any) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.state_operations)
        else:
            yield operation
