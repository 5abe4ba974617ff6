# SPDX-License-Identifier: MIT
"""Models whose rows have a version, so that databases that write to one another agree, whoever wrote last, whatever
is read twice.

    class Order(KafkaConnectVersionedModel): ...

    class OrderTopic(JSONTopicConsumer, DbzModelTopicConsumer):
        version_field = "kafka_version"

A change by the project gives a row a larger version than it had. What comes from Kafka has the version that the other
project gave it, and changes the row only if that is not smaller. A deleted row leaves its version behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.db.models import F, Max
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from django_kafka.connect.graves import MOST_KEYS, versions_of_deleted
from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset, bulk_create_arguments
from django_kafka.connect.versions import GIVEN, VERSION, new_version, next_version
from django_kafka.suppression import Suppression

FLOOR = "_kafka_version_floor"  # of an object that is inserted: the version has to be larger


class _Assigned(DeferredAttribute):
    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value
        instance.__dict__[GIVEN] = True


class VersionField(models.BigIntegerField):
    """A BigIntegerField, in migrations too. 0: the row was there before the field."""

    descriptor_class = _Assigned

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", 0)
        kwargs.setdefault("editable", False)
        kwargs.setdefault("verbose_name", _("Kafka version"))
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.BigIntegerField", args, kwargs

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """What is given; else a new version, but none for a change that is not sent."""
        inside = model_instance.__dict__
        known = inside.get(self.attname) or 0
        if is_given(model_instance):
            return known
        if Suppression.active():
            return known if add else F(self.attname)
        # Of a row that is updated this is a guess: it may have changed since it was read.
        inside[self.attname] = version = new_version((inside.get(FLOOR) or 0) if add else known)
        inside[GIVEN] = False
        return version if add else next_version()


def is_given(obj: Any) -> bool:
    """Whether the object has a version that is to be written as it is."""
    return bool(obj.__dict__.get(VERSION)) and getattr(obj, GIVEN)


def _with_version(names: Iterable[str]) -> list[str]:
    found = list(names)
    return found if VERSION in found else [VERSION, *found]


class KafkaConnectVersionedQueryset(KafkaConnectSkipQueryset):
    """Writes kafka_version with each change: what is given, else a larger one than the row has."""

    def update(self, **kwargs: Any) -> int:
        if not Suppression.active():
            kwargs.setdefault(VERSION, next_version())
        return super().update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        made = list(objs)
        arguments = bulk_create_arguments(args, kwargs)
        updates = bool(arguments.get("update_conflicts") and arguments.get("update_fields"))
        if updates:
            arguments["update_fields"] = _with_version(arguments["update_fields"])
        new = [obj for obj in made if not is_given(obj)]
        with transaction.atomic(using=_alias_of(self), savepoint=False):
            self._set_floors(new, arguments.get("unique_fields") if updates else ())
            created = super().bulk_create(made, **arguments)
        for obj in made:
            setattr(obj, GIVEN, False)
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _set_floors(self, objs: list[Any], conflicts: Any) -> None:
        """Versions have to be larger than those of rows of the same keys that are gone, and of those that are there
        and get updated. conflicts: the fields by which these are found; empty: none gets updated; None: by pk."""
        by_key = {obj.pk: obj for obj in objs if obj.pk is not None}
        for key, version in versions_of_deleted(self.model, _alias_of(self), by_key).items():
            by_key[key].__dict__[FLOOR] = version
        names = ["pk"] if conflicts is None else list(conflicts)
        for start in range(0, len(objs) if names else 0, MOST_KEYS):
            part = objs[start : start + MOST_KEYS]
            found = models.QuerySet(self.model, using=_alias_of(self)).filter(
                **{f"{names[0]}__in": [getattr(obj, names[0]) for obj in part]}
            )
            largest = found.aggregate(largest=Max(VERSION))["largest"] or 0
            for obj in part:
                obj.__dict__[FLOOR] = max(obj.__dict__.get(FLOOR) or 0, largest)


def _alias_of(queryset: Any) -> str:
    """The database that it writes to."""
    alias: str = queryset.select_for_update().db  # which asks the routers for writing
    return alias


class KafkaConnectVersionedModel(KafkaConnectSkipModel):
    """A KafkaConnectSkipModel that two projects may write at the same time. The table of deleted rows' versions is
    made by `manage.py migrate`.

    save() writes a new version unless one was assigned since the object was made, read or saved. After an update the
    object's `kafka_version` may be smaller than the row's: refresh_from_db() reads it."""

    kafka_version = VersionField()
    objects = KafkaConnectVersionedQueryset.as_manager()

    _kafka_version_given = True

    class Meta(KafkaConnectSkipModel.Meta):
        abstract = True

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().from_db(*args, **kwargs)
        setattr(made, GIVEN, False)
        return made

    def refresh_from_db(self, using: str | None = None, fields: Any = None, **kwargs: Any) -> None:
        """Fields that are read without the version leave an assigned one what it is."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using, names, **kwargs)
        if names is None or VERSION in names:
            self._kafka_version_given = False

    def save(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) > 3:
            args = (*args[:3], args[3] and _with_version(args[3]), *args[4:])
        elif kwargs.get("update_fields"):
            kwargs["update_fields"] = _with_version(kwargs["update_fields"])
        self.__dict__.setdefault(VERSION, 0)  # if it is deferred: save() leaves deferred fields out
        saved = super().save(*args, **kwargs)
        self._kafka_version_given = False
        return saved

    save.alters_data = True  # type: ignore[attr-defined]

    def _do_insert(self, manager: Any, using: str, *args: Any, **kwargs: Any) -> Any:
        """A row that was deleted and is made again: its version has to be larger than that of the deletion."""
        if self.pk is not None and not is_given(self):
            self.__dict__[FLOOR] = versions_of_deleted(type(self), using, [self.pk]).get(self.pk)
        return super()._do_insert(manager, using, *args, **kwargs)
