# SPDX-License-Identifier: MIT
"""Models whose rows say whether their last change came from Kafka, so that a connector can leave it out.

    class Order(KafkaConnectSkipModel): ...

A change by the project writes `kafka_skip=False`; one that is to be left out writes True: model topics do so, and
everything does inside `producer.suppress()` for all topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import sync_to_async
from django.db import models
from django.db.models.signals import class_prepared

from django_kafka.connect import cascades
from django_kafka.connect.flag import NAME, RESET, Assigned, SkipField
from django_kafka.suppression import Suppression

cascades.install()


class KafkaConnectSkipQueryset(models.QuerySet[Any]):
    """Writes kafka_skip with each change: what is given, else False; True while all production is suppressed."""

    def update(self, **kwargs: Any) -> int:
        if Suppression.active():
            kwargs[NAME] = True
        else:
            kwargs.setdefault(NAME, False)
        return super().update(**kwargs)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """As save() of each object, in one statement; rows that are there already get the flag too."""
        made = list(objs)
        arguments = bulk_create_arguments(args, kwargs)
        if arguments.get("update_conflicts") and arguments.get("update_fields"):
            arguments["update_fields"] = with_flag(arguments["update_fields"])
        before = [(obj.kafka_skip, obj.__dict__.get(RESET, False)) for obj in made]
        for obj in made:
            set_flag(obj)
        try:
            created = super().bulk_create(made, **arguments)
        except BaseException:
            for obj, (flag, reset) in zip(made, before, strict=True):
                obj.kafka_skip = flag
                setattr(obj, RESET, reset)
            raise
        for obj in made:
            setattr(obj, RESET, True)
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self, kafka_skip: bool | None = None) -> tuple[int, dict[str, int]]:
        """Delete the rows, with their flag set before, so that a connector that sees their last state knows whose
        deletion it is. kafka_skip: what it is set to; None: False, or True while all production is suppressed."""
        with deletion(self, Suppression.active() or bool(kafka_skip)):
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    async def adelete(self, kafka_skip: bool | None = None) -> tuple[int, dict[str, int]]:
        return await sync_to_async(self.delete)(kafka_skip)

    adelete.alters_data = True  # type: ignore[attr-defined]
    adelete.queryset_only = True  # type: ignore[attr-defined]


_BULK_CREATE = ("batch_size", "ignore_conflicts", "update_conflicts", "update_fields", "unique_fields")


def bulk_create_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All by their names."""
    return dict(zip(_BULK_CREATE, args, strict=False)) | kwargs


@contextmanager
def deletion(origin: Any, value: bool) -> Iterator[None]:
    """While an object or a queryset is deleted: the flag of its rows, and of those that its deletion touches."""
    inside = origin.__dict__
    inside[cascades.DELETION] = value
    try:
        yield
    finally:
        inside.pop(cascades.DELETION, None)


def with_flag(names: Iterable[str]) -> list[str]:
    """Names of fields that are written, the flag among them."""
    found = list(names)
    return found if NAME in found else [NAME, *found]


def set_flag(obj: Any) -> None:
    """Give an object the flag that is to be written with it."""
    if Suppression.active():
        obj.kafka_skip = True
    elif getattr(obj, RESET, False):
        obj.kafka_skip = False


class KafkaConnectSkipModel(models.Model):
    """A model whose table has a connector, and rows that are written from Kafka too.

    save() writes `kafka_skip=False` unless the flag was assigned since the object was made, read or saved."""

    kafka_skip = SkipField()
    objects = KafkaConnectSkipQueryset.as_manager()

    _reset_kafka_skip = False

    class Meta:
        abstract = True
        base_manager_name = "objects"

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().from_db(*args, **kwargs)
        setattr(made, RESET, True)
        return made

    def refresh_from_db(self, using: str | None = None, fields: Any = None, **kwargs: Any) -> None:
        """Fields that are read without the flag, deferred ones, leave an assigned flag what it is."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using, names, **kwargs)
        if names is None or NAME in names:
            self._reset_kafka_skip = True

    def save(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) > 3:
            update_fields, args = args[3], (*args[:3], args[3] and with_flag(args[3]), *args[4:])
        else:
            update_fields = kwargs.get("update_fields")
            if update_fields:
                kwargs["update_fields"] = with_flag(update_fields)
        if update_fields is not None and not update_fields:
            return super().save(*args, **kwargs)  # which writes nothing
        with self._written():
            return super().save(*args, **kwargs)

    save.alters_data = True  # type: ignore[attr-defined]

    @contextmanager
    def _written(self) -> Iterator[None]:
        """The object has the flag that is to be written. When that fails it is as before."""
        inside = self.__dict__
        before = {name: inside[name] for name in (NAME, RESET) if name in inside}
        set_flag(self)
        try:
            yield
        except BaseException:
            for name in (NAME, RESET):
                inside.pop(name, None)
            inside.update(before)
            raise
        self._reset_kafka_skip = True

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete the row, with its flag set before, as save() would."""
        if self.pk is None:
            return super().delete(using=using, keep_parents=keep_parents)  # which says what is wrong
        with self._written(), deletion(self, bool(self.kafka_skip)):
            return super().delete(using=using, keep_parents=keep_parents)

    delete.alters_data = True  # type: ignore[attr-defined]


def _watch_assignments(sender: Any, **_: Any) -> None:
    """A model may have a field of its own for the flag, with an index for example."""
    if issubclass(sender, KafkaConnectSkipModel):
        for field in sender._meta.local_concrete_fields:
            if field.name == NAME and not isinstance(getattr(sender, NAME), Assigned):
                setattr(sender, NAME, Assigned(field))


class_prepared.connect(_watch_assignments)
