# SPDX-License-Identifier: MIT
"""Topics whose messages are rows of a model: a table is kept in step with a topic."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, router

from django_kafka.exceptions import DjangoKafkaError
from django_kafka.sync import batch
from django_kafka.sync.convert import placeholder
from django_kafka.sync.copyable import version_names
from django_kafka.sync.copying import is_copied
from django_kafka.sync.fast import HOOKS, FastReader
from django_kafka.sync.forms import NotARow
from django_kafka.sync.plan import Plan, make_plan
from django_kafka.sync.read import Reader
from django_kafka.sync.row import Row, Transformed
from django_kafka.sync.target import target_of
from django_kafka.topic import TopicConsumer

if TYPE_CHECKING:
    from django_kafka._native import Message

_HOOKS = (
    "consume",
    "get_defaults",
    "get_lookup_kwargs",
    "get_model",
    "get_using",
    "get_version",
    "is_deletion",
    "model_has_field",
    "sync",
    "transform",
)
# Whose methods are no overrides.
_OWN = frozenset({"django_kafka.topic.model", "django_kafka.topic.debezium"})


class ModelTopicConsumer(TopicConsumer, ABC):
    """A topic whose messages say what is in the rows of a model, or that a row is gone.

    Each message goes through get_model() and sync(), which calls get_lookup_kwargs(), is_deletion(), transform() (and
    transform_<field>() for single fields) and get_defaults(), in this order. After that, values are converted to what
    the model's fields hold. Many messages at a time are written on the fastest path that cannot be told from this."""

    model: Any = None
    exclude_fields: Sequence[str] | None = None
    deletion_key: str | None = "__deleted"

    # How rows are written: auto, bulk or instances.
    sync_mode: str = "auto"
    # With bulk: post_save is sent after rows are written. save() is not called.
    send_signals: bool = False
    # The database; None: the one that the project's routers have for writing.
    using: str | None = None
    # Rows of models with kafka_skip get it set, so that their change is not taken for the project's own.
    sync_kafka_skip: bool = True

    # A field that has the version of the event that wrote the row: an older event changes nothing. version_key: the
    # name of the version in the message, where it is another one.
    version_field: str | None = None
    version_key: str | None = None

    # What Debezium's connector was told, where the schema does not say it. debezium: the topic is Debezium's, even if
    # nothing in its messages shows it.
    debezium: bool = False
    envelopes: bool = True
    tombstones: str = "delete"  # or ignore
    on_truncate: str = "skip"  # or error
    decimal_handling_mode: str = ""  # precise, string, double
    binary_handling_mode: str = ""  # bytes, base64, base64-url-safe, hex
    time_precision_mode: str = ""  # as Debezium has it: adaptive, connect, microseconds, nanoseconds
    unavailable_value: str = placeholder.DEFAULT

    # ---- hooks -----------------------------------------------------------------------------------------------------

    def get_model(self, key: Any, value: Any) -> Any:
        """The model whose row it is. Errors: DjangoKafkaError when there is none."""
        if self.model is not None:
            return self.model
        raise DjangoKafkaError("Cannot obtain model: either define a default model or override get_model")

    def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
        """Which row it is, as QuerySet.get() takes it: the primary key, from the value or else from the key; the
        whole key, if the primary key is excluded or in neither."""
        target = target_of(model)
        if not target.is_composite and not self._is_field_excluded(target.pk_name):
            for source in (value, key):
                name = target.pk_in(source)
                if name is not None:
                    return {target.pk_name: source[name]}
            if key is not None and not isinstance(key, Mapping):
                return {target.pk_name: key}
        if key is None and target.is_composite and isinstance(value, Mapping):
            names = [next((n for n in (f.name, f.attname, f.column) if n in value), None) for f in target.pk_fields]
            if None not in names:
                return {name: value[name] for name in names}
        return key

    def is_deletion(self, model: Any, key: Any, value: Any) -> Any:
        """Whether the row is gone: there is no value, or its deletion key says so, which is taken out of it."""
        if value is None:
            return True
        if not isinstance(value, Mapping):
            return False
        said: Any = None
        if self.deletion_key is not None and self.deletion_key in value:
            said = value[self.deletion_key]
            if isinstance(value, MutableMapping):
                del value[self.deletion_key]
        elif isinstance(value, Row) and dict.get(value, "__op") == "d":
            return True
        if isinstance(said, str):
            return said.lower() == "true"
        return said if isinstance(said, bool) else False

    def transform(self, model: Any, value: Any) -> Any:
        """The value as the model has it: without excluded fields, and with what transform_<field>(model, name, value)
        says of the others: (name, value)."""
        if not isinstance(value, Mapping):
            raise NotARow(type(value).__name__)
        transformed = Transformed()
        functions = transforms_of(type(self))
        for name, item in value.items():
            if self._is_field_excluded(name):
                continue
            hook = f"transform_{name}"
            if hook in functions or hook in self.__dict__:
                if functions.get(hook):  # written without self, as in django-kafka's README
                    new_name, new_item = getattr(type(self), hook)(model, name, value)
                else:
                    new_name, new_item = getattr(self, hook)(model, name, item)
            else:
                new_name, new_item = name, item
            transformed[new_name] = new_item
            if new_name != name and new_item is item:
                transformed.sources[new_name] = name
        return transformed

    def get_defaults(self, model: Any, value: Any) -> Any:
        """What is written: the fields that the model has."""
        target = target_of(model)
        defaults = {
            name: item for name, item in value.items() if self.model_has_field(model, name) or name in target.columns
        }
        if self.sync_kafka_skip and target.skips:
            defaults["kafka_skip"] = True
        return defaults

    def model_has_field(self, model: Any, field_name: str) -> bool:
        """Whether a model knows the name: a field's, a relation's column (`customer_id`), a reverse relation's."""
        try:
            model._meta.get_field(field_name)
        except FieldDoesNotExist:
            return False
        return True

    def get_version(self, model: Any, key: Any, value: Any) -> Any:
        """The version of the event, if `version_field` is set: a field of the value by the name of `version_key` or
        `version_field`, also with `__` or `__source_` before it, or one of its envelope. None: it has none."""
        name = self.version_key or self.version_field
        if not isinstance(value, Mapping):
            return None
        for known in version_names(self):
            if known in value:
                return value[known]
        outer = getattr(value, "outer", None)
        for place in (outer and outer.get("source"), outer):
            if isinstance(place, Mapping) and place.get(name) is not None:
                return place[name]
        return None

    def get_using(self, model: Any = None) -> str:
        """The database that rows of the model are written to; without a model, those of the topic's own."""
        model = model or next(iter(self.known_models()), None)
        alias: str = self.using or (DEFAULT_DB_ALIAS if model is None else router.db_for_write(model))
        return alias

    def sync(self, model: Any, key: Any, value: Any) -> Any:
        """Do to the model's table what the message says: (object, created), None for a deletion."""
        return batch.sync(self, model, key, value)

    @property
    def reads_ahead(self) -> bool:
        """Whether its messages are written faster if those that follow them are there, too."""
        return is_copied(self)

    # ---- messages --------------------------------------------------------------------------------------------------

    def consume(self, msg: Message) -> Any:
        """Sync the message's row. Errors: ModelSyncError when it does not fit the model, and the database's."""
        batch.consume(self, msg)

    def consume_batch(self, messages: Sequence[Message]) -> Any:
        """Sync the rows of many messages in one transaction: all of them, or none and an exception."""
        batch.consume_batch(self, messages)

    def plan(self, model: Any = None, using: str | None = None) -> Plan:
        """How the messages of a model are written, and why not faster.

        Errors: ConfigurationError when `sync_mode` asks for what cannot be."""
        model = model or self.get_model(None, None)
        return make_plan(self, model, using or self.get_using(model))

    def known_models(self) -> list[Any]:
        """The models that are known before a message comes."""
        rerouted = getattr(self, "reroute_model_map", None) or {}
        found = [self.model] if self.model is not None else []
        return list(dict.fromkeys([*found, *rerouted.values()]))

    def overridden(self) -> frozenset[str]:
        """The hooks that are the project's own; `transform_` stands for those of single fields."""
        own = {name for name in self.__dict__ if name in _HOOKS or name.startswith("transform_")}
        return overridden_by(type(self)) | frozenset("transform_" if n.startswith("transform_") else n for n in own)

    @property
    def reader(self) -> Reader:
        """Made again when hooks were overridden since, as tests do."""
        overridden = self.overridden()
        kept: Reader | None = self.__dict__.get("_reader")
        if kept is None or kept.overridden != overridden:
            kept = self.__dict__["_reader"] = Reader(self)
        return kept

    def fast_reader(self) -> FastReader | None:
        """What reads messages without calling hooks, where there are none of the project's own. For the library."""
        reader = self.reader
        if reader.overridden & HOOKS or self.model is None or self.version_field or self.tombstones != "delete":
            return None
        target = target_of(self.model)
        using = self.get_using(self.model)
        if target.is_composite or self._is_field_excluded(target.pk_name):
            return None
        kept: tuple[Any, FastReader] | None = self.__dict__.get("_fast")
        place = (reader, self.model, using)
        if kept is None or kept[0] != place:
            reroute = getattr(self, "reroute_key_field_name", None)
            kept = (place, FastReader(reader, self.model, using, self.key_first, reroute))
            self.__dict__["_fast"] = kept
        return kept[1]

    # Whether the primary key is taken from the message's key, if that has it, before its value.
    key_first: ClassVar[bool] = False

    def _is_field_excluded(self, name: str) -> bool:
        return bool(self.exclude_fields) and name in (self.exclude_fields or ())


def overridden_by(cls: type) -> frozenset[str]:
    """The hooks that a class has of its own."""
    names = {name for name in _HOOKS if getattr(getattr(cls, name), "__module__", "") not in _OWN}
    return frozenset(names | ({"transform_"} if transforms_of(cls) else set()))


@lru_cache(maxsize=1000)
def transforms_of(cls: type) -> dict[str, bool]:
    """The names of a class's transform_<field>(), and whether each is written as a plain function without self."""
    found: dict[str, bool] = {}
    for name in dir(cls):
        if name.startswith("transform_") and callable(getattr(cls, name)):
            raw = inspect.getattr_static(cls, name)
            found[name] = inspect.isfunction(raw) and len(inspect.signature(raw).parameters) == 3
    return found
