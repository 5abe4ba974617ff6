# SPDX-License-Identifier: MIT
"""AvroSerializer and AvroDeserializer: used as confluent's classes of these names, with the C codec inside.

confluent's own classes do what goes beyond values: the serializer asks one of them to serialize the first message of
each topic and field, and so has its schema looked up or registered exactly as configured; from then on it knows the
prefix and writes the bytes itself. Whatever the codec does not do (rules, field encryption, strict validation, ids in
headers) stays with confluent's class for good.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from confluent_kafka.schema_registry import Schema, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer as ConfluentAvroDeserializer
from confluent_kafka.schema_registry.avro import AvroSerializer as ConfluentAvroSerializer
from confluent_kafka.serialization import Deserializer, SerializationContext, Serializer

from django_kafka._native import AvroReader, AvroSchema, wire_parse
from django_kafka.schema.registry import Compiled, ask, compile_schema, fetch

# Settings with which a message's bytes still depend on nothing but its value, topic and field.
_WRITER_CONF = frozenset(
    {
        "auto.register.schemas",
        "normalize.schemas",
        "use.schema.id",
        "use.latest.version",
        "subject.name.strategy",
        "subject.name.strategy.type",
        "subject.name.strategy.conf",
    }
)
_READER_CONF = frozenset({"subject.name.strategy", "subject.name.strategy.type", "subject.name.strategy.conf"})
_MOST_PLACES = 1000  # topics whose schema a serializer remembers
HEADERS = {"key": "__key_schema_id", "value": "__value_schema_id"}


def _within(conf: dict[str, Any] | None, known: frozenset[str]) -> bool:
    """Whether everything that is set is known; what is set to nothing does not count."""
    return not conf or all(key in known or not value for key, value in conf.items())


def _follows_topic_alone(conf: dict[str, Any] | None) -> bool:
    """Whether the subject is the same for all messages of a topic and field: true of all but somebody's own
    function."""
    strategy = (conf or {}).get("subject.name.strategy")
    return strategy is None or getattr(strategy, "__module__", "").startswith("confluent_kafka.")


class Prefixed:
    """How values of one topic and field are written: a codec, and the bytes in front."""

    __slots__ = ("codec", "expires", "prefix")

    def __init__(self, codec: AvroSchema, prefix: bytes, expires: float | None) -> None:
        self.codec = codec
        self.prefix = prefix
        self.expires = expires


class AvroSerializer(Serializer):
    """confluent's AvroSerializer, with the C codec inside. Arguments and configuration are those of confluent's
    class."""

    def __init__(
        self,
        schema_registry_client: Any,
        schema_str: str | Schema | None = None,
        to_dict: Callable[[Any, SerializationContext], dict[str, Any]] | None = None,
        conf: dict[str, Any] | None = None,
        rule_conf: dict[str, Any] | None = None,
        rule_registry: Any = None,
    ) -> None:
        args: dict[str, Any] = {"schema_str": schema_str, "to_dict": to_dict, "conf": conf}
        if rule_conf is not None or rule_registry is not None:
            args.update(rule_conf=rule_conf, rule_registry=rule_registry)
        self._client = schema_registry_client
        self._confluent = ask(ConfluentAvroSerializer, schema_registry_client, **args)
        self._to_dict = to_dict
        self._schema = schema_str
        self._latest = bool((conf or {}).get("use.latest.version"))
        # With an id or the latest version confluent writes with the registry's schema, not with `schema_str`.
        self._registered = self._latest or (conf or {}).get("use.schema.id") is not None
        self._learns = (
            rule_conf is None and rule_registry is None and _within(conf, _WRITER_CONF) and _follows_topic_alone(conf)
        )
        self._known: dict[tuple[str, str], Prefixed | None] = {}

    def __call__(self, obj: Any, ctx: SerializationContext | None = None) -> bytes | None:
        if obj is None:
            return None
        known = self.prefixed(ctx)
        if known is None:
            return self._serialize(obj, ctx)
        value = obj if self._to_dict is None or ctx is None else self._to_dict(obj, ctx)
        return known.codec.encode(value, known.prefix)

    @property
    def takes_values(self) -> bool:
        """Whether what is serialized is what is written, without a `to_dict`."""
        return self._to_dict is None

    def prefixed(self, ctx: SerializationContext | None) -> Prefixed | None:
        """How values of this topic and field are written, once the first one was."""
        known = None if ctx is None else self._known.get((ctx.topic, ctx.field))
        if known is not None and known.expires is not None and known.expires < time.monotonic():
            return None
        return known

    def _serialize(self, obj: Any, ctx: SerializationContext | None) -> bytes | None:
        """The first message, or one that confluent's class has to write."""
        message: bytes | None = ask(self._confluent, obj, ctx)
        if ctx is None or not self._learns:
            return message
        place = (ctx.topic, ctx.field)
        if place not in self._known or (self._latest and self._known[place] is not None):
            self._known[place] = self._learn(obj, ctx, message)
            if len(self._known) > _MOST_PLACES:
                self._known.pop(next(iter(self._known)), None)
        return message

    def _learn(self, obj: Any, ctx: SerializationContext, message: bytes | None) -> Prefixed | None:
        """None when the codec would write something else than confluent's class has written."""
        if message is None or message[:1] != b"\0":
            return None
        identity, start = wire_parse(message)
        if self._registered or self._schema is None:
            source = fetch(self._client, identity, None)
        else:
            source = self._schema if isinstance(self._schema, Schema) else Schema(self._schema, "AVRO")
        compiled = compile_schema(self._client, source)
        value = obj if self._to_dict is None else self._to_dict(obj, ctx)
        if not compiled.plain or compiled.bare or compiled.codec.encode(value, message[:start]) != message:
            return None
        return Prefixed(compiled.codec, message[:start], self._expiry())

    def _expiry(self) -> float | None:
        """When the latest version has to be asked for again: as the client's own cache has it."""
        if not self._latest:
            return None
        conf: Any = getattr(self._client, "config", dict)()
        seconds = conf.get("cache.latest.ttl.sec") if isinstance(conf, dict) else None
        return None if not seconds else time.monotonic() + float(seconds)


class AvroDeserializer(Deserializer):
    """confluent's AvroDeserializer, with the C codec inside: the same arguments, and `lazy`, which gives records as
    views that decode a field when it is read."""

    def __init__(
        self,
        schema_registry_client: Any,
        schema_str: str | Schema | None = None,
        from_dict: Callable[[Any, SerializationContext], Any] | None = None,
        return_record_name: bool = False,
        conf: dict[str, Any] | None = None,
        rule_conf: dict[str, Any] | None = None,
        rule_registry: Any = None,
        *,
        lazy: bool = False,
    ) -> None:
        args: dict[str, Any] = {
            "schema_str": schema_str,
            "from_dict": from_dict,
            "return_record_name": return_record_name,
            "conf": conf,
        }
        if rule_conf is not None or rule_registry is not None:
            args.update(rule_conf=rule_conf, rule_registry=rule_registry)
        self._client = schema_registry_client
        self._args = args
        self._from_dict = from_dict
        self._learns = not return_record_name and len(args) == 4 and _within(conf, _READER_CONF)
        self._reader = AvroReader(lazy)
        self._slow: set[int | bytes] = set()  # schemas with rules
        self._by_topic = _strategy_is_topic(conf)
        if not self._learns or conf:
            self._confluent  # noqa: B018  so that wrong arguments are refused here

    @cached_property
    def _confluent(self) -> Any:
        return ask(ConfluentAvroDeserializer, self._client, **self._args)

    @cached_property
    def _target(self) -> Compiled | None:
        """The reader's schema, if one was given."""
        schema = self._args["schema_str"]
        if schema is None:
            return None
        return compile_schema(self._client, schema if isinstance(schema, Schema) else Schema(schema, "AVRO"))

    @property
    def reader(self) -> AvroReader | None:
        """What gives the same values for all schemas that it knows; None when the deserializer does more."""
        return self._reader if self._learns and self._from_dict is None else None

    def __call__(self, data: bytes | None, ctx: SerializationContext | None = None) -> Any:
        if data is None:
            return None
        if not self._learns:
            return ask(self._confluent, data, ctx)
        header = _schema_header(ctx)
        while True:
            try:
                value = self._reader.decode(data, header)
            except KeyError as unknown:
                if not self._learn(unknown.args[0], ctx):
                    return ask(self._confluent, data, ctx)
                continue
            return value if self._from_dict is None or ctx is None else self._from_dict(value, ctx)

    def _learn(self, identity: int | bytes, ctx: SerializationContext | None) -> bool:
        """Whether the codec can read what was written with this schema."""
        if identity in self._slow:
            return False
        topic = getattr(ctx, "topic", None)
        subject = f"{topic}-{ctx.field}" if ctx is not None and topic and self._by_topic and topic[0] != "^" else None
        compiled = compile_schema(self._client, fetch(self._client, identity, subject))
        if not compiled.plain or (self._target is not None and not self._target.plain):
            if len(self._slow) >= _MOST_PLACES:
                self._slow.clear()
            self._slow.add(identity)
            return False
        if compiled.bare:
            self._reader.add(identity, None)
        elif self._target is None:
            self._reader.add(identity, compiled.codec)
        else:
            self._reader.add(identity, AvroSchema.reader(compiled.codec, self._target.codec))
        return True


def _strategy_is_topic(conf: dict[str, Any] | None) -> bool:
    strategy = (conf or {}).get("subject.name.strategy")
    kind = str(getattr((conf or {}).get("subject.name.strategy.type"), "value", "")) if conf else ""
    return strategy in (None, topic_subject_name_strategy) and kind in ("", "TOPIC", "ASSOCIATED")


def _schema_header(ctx: SerializationContext | None) -> Any:
    """The header that names the schema, in messages whose producer puts it there."""
    if ctx is None or not ctx.headers:
        return None
    return schema_header(ctx.headers, ctx.field)


def schema_header(headers: Any, field: Any) -> Any:
    """The header that names the schema of a key or value; None if there is none."""
    wanted = HEADERS.get(str(field))
    if isinstance(headers, dict):
        return headers.get(wanted)
    return next((value for name, value in headers if name == wanted), None)
