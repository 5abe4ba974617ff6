# SPDX-License-Identifier: MIT
"""Avro through a real broker with a real schema registry, side by side with confluent's serializers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    record_subject_name_strategy,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer as TheirDeserializer
from confluent_kafka.schema_registry.avro import AvroSerializer as TheirSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from tests.live.avro_cases import everything, same, value
from tests.live.clients import Plain, reference_consume, reference_produce
from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.project.run import Worker, read_lines
from tests.live.servers import CountingProxy, KafkaServer, RegistryServer, wait_until
from tests.py.oracle.avro_cases import cases

from django_kafka import kafka  # isort: skip  (Django is configured by in_process)
from django_kafka._native import AvroRecord, EncodeError
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic.avro import AvroTopic
from tests.py.django.helpers import consumer_of

KEY, VALUE = MessageField.KEY, MessageField.VALUE
KEY_SCHEMA = json.dumps({"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]})
COUNT = 40
_groups = itertools.count()


@pytest.fixture(autouse=True)
def _settings(broker: KafkaServer, proxy: CountingProxy) -> Iterator[None]:
    with django_kafka_settings(broker.bootstrap, proxy.url):
        yield


@pytest.fixture
def client(shared_registry: RegistryServer) -> SchemaRegistryClient:
    """confluent's, past the counting proxy."""
    return SchemaRegistryClient({"url": shared_registry.url})


class Collected(AvroTopic):
    """Keeps (key, value, key bytes, value bytes) of each message."""

    name = ""
    key_schema = KEY_SCHEMA
    retry_settings = None

    def __init__(self, name: str, value_schema: Any = None, **members: Any) -> None:
        self.name = name
        if value_schema is not None:
            self.value_schema = value_schema
        for key, member in members.items():
            setattr(self, key, member)
        self.seen: list[tuple[Any, Any, Any, Any]] = []
        super().__init__()

    def consume(self, msg: Any) -> None:
        key = self.deserialize(msg.key(), KEY, msg.headers())
        self.seen.append((key, self.deserialize(msg.value(), VALUE, msg.headers()), msg.key(), msg.value()))


def sent() -> None:
    assert kafka.producer.flush(60) == 0


def consumed(topic: Collected, count: int) -> list[tuple[Any, Any, Any, Any]]:
    """What the topic's handler was given, by a consumer that knows nothing yet."""
    with as_another_process():
        run_consumer_until(
            consumer_of(topic, group=f"{topic.name}-{next(_groups)}"), lambda: len(topic.seen) >= count, 60
        )
    assert len(topic.seen) == count
    return topic.seen


def context(topic: str, field: str = VALUE) -> SerializationContext:
    return SerializationContext(topic, field)


def theirs_written(
    client: SchemaRegistryClient, topic: str, schema: Any, obj: Any, field: str = VALUE, **conf: Any
) -> Any:
    """The bytes that confluent's serializer makes."""
    return TheirSerializer(client, schema, conf=conf or None)(obj, context(topic, field))


def theirs_read(client: SchemaRegistryClient, message: Plain) -> tuple[Any, Any]:
    """Key and value as confluent's deserializer has them."""
    reader = TheirDeserializer(client)
    return (
        reader(message.key, context(message.topic, KEY)),
        reader(message.value, context(message.topic, VALUE)),
    )


# ---- there and back ------------------------------------------------------------------------------------------------


def test_what_we_write_confluent_reads(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    broker.create_topic(name)
    topic = Collected(name, everything(f"Everything_{name}".replace("-", "_")))
    values, keys = [value(i) for i in range(COUNT)], [{"id": i} for i in range(COUNT)]
    for i in range(10):
        topic.produce(values[i], key=keys[i])
    topic.produce_many(values[10:], keys=keys[10:])
    sent()
    messages = reference_consume(broker.bootstrap, [name], COUNT)
    for i, message in enumerate(messages):
        assert message.key == theirs_written(client, name, KEY_SCHEMA, keys[i], KEY)
        assert message.value == theirs_written(client, name, topic.value_schema, values[i])
        assert same(theirs_read(client, message), (keys[i], theirs_read(client, message)[1]))
        assert message.value == theirs_written(client, name, topic.value_schema, theirs_read(client, message)[1])
    seen = consumed(Collected(name), COUNT)
    assert all(same((key, obj), theirs_read(client, m)) for (key, obj, _, _), m in zip(seen, messages, strict=True))


def test_what_confluent_writes_we_read(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    """Of schemas and values by chance, too: each schema a version of the topic's subject."""
    found: list[tuple[Any, Any]] = [(json.loads(everything(name.replace("-", "_"))), value(i)) for i in range(COUNT)]

    @hypothesis_settings(
        max_examples=80,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def collect(case: tuple[Any, Any]) -> None:
        found.append(case)

    collect()
    messages = []
    for schema, obj in found:
        try:
            data = theirs_written(client, name, json.dumps(schema), obj)
        except (ValueError, AttributeError):  # a decimal that fits only the second branch; or one that is no record
            continue
        if len(data) > 5:  # confluent's reader does not take a value without bytes
            messages.append({"topic": name, "value": data, "key": theirs_written(client, name, '"int"', 7, KEY)})
    assert len(messages) > 90
    broker.create_topic(name)
    reference_produce(broker.bootstrap, messages)
    reader = TheirDeserializer(client)
    for key, ours, _, data in consumed(Collected(name), len(messages)):
        assert key == 7
        assert same(ours, reader(data, context(name))), data


def test_tombstones_and_messages_without_key(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    broker.create_topic(name)
    topic = Collected(name, '{"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}')
    topic.produce(None, key={"id": 1})
    topic.produce({"x": 1}, key=None)
    topic.produce({"x": 2})
    topic.produce_many([None, {"x": 3}, None], keys=[{"id": 2}, None, None])
    sent()
    messages = reference_consume(broker.bootstrap, [name], 6)
    expected = [
        ({"id": 1}, None),
        (None, {"x": 1}),
        (None, {"x": 2}),
        ({"id": 2}, None),
        (None, {"x": 3}),
        (None, None),
    ]
    assert [theirs_read(client, message) for message in messages] == expected
    assert [seen[:2] for seen in consumed(Collected(name), 6)] == expected


def test_lazy_values_are_views_of_the_same_values(
    broker: KafkaServer, name: str, client: SchemaRegistryClient
) -> None:
    broker.create_topic(name)
    topic = Collected(name, everything("Everything"))
    topic.produce_many([value(i) for i in range(COUNT)])
    sent()
    reader = TheirDeserializer(client)
    for _, view, _, data in consumed(Collected(name, lazy=True), COUNT):
        assert type(view) is AvroRecord
        expected = reader(data, context(name))
        assert same([view[field] for field in reversed(expected)], [expected[field] for field in reversed(expected)])
        assert same(view.to_dict(), expected)


# ---- schemas that change, that refer to others, and where they are looked for --------------------------------------

V1 = {
    "type": "record",
    "name": "Sale",
    "namespace": "evolving",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "old", "type": "string", "default": "gone"},
        {"name": "amount", "type": "float"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"}},
    ],
}
V2 = {
    "type": "record",
    "name": "Sale",
    "namespace": "evolving",
    "fields": [
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"}},
        {"name": "id", "type": "long"},
        {"name": "total", "aliases": ["amount"], "type": "double", "default": 0.0},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["none"]},
    ],
}
V3 = {
    **V2,
    "fields": [
        {
            "name": "state",
            "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID", "GONE"], "default": "NEW"},
        },
        *V2["fields"][1:],
    ],
}


def test_readers_old_and_new_read_writers_old_and_new(
    broker: KafkaServer, name: str, client: SchemaRegistryClient
) -> None:
    broker.create_topic(name)
    writers = [
        (V1, {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}),
        (V2, {"id": 2, "total": 0.1, "note": "n", "tags": ["a", "b"], "state": "NEW"}),
        (V3, {"id": 3, "total": -2.5, "note": None, "tags": [], "state": "GONE"}),
    ]
    for schema, obj in writers * 2:
        Collected(name).produce(obj, value_serializer_kwargs={"schema_str": json.dumps(schema)})
    sent()
    assert client.get_versions(f"{name}-value") == [1, 2, 3]
    for schema in (V1, V2, V3):
        reader = json.dumps(schema)

        class Reading(Collected):
            text = reader

            def get_value_deserializer(self, **kwargs: Any) -> Any:
                return super().get_value_deserializer(schema_str=self.text, **kwargs)

        theirs = TheirDeserializer(client, reader)
        if schema is V1:  # V1 has no default for `amount`: V2 and V3 cannot be read with it
            topic = Collected(name)
            seen = [data for _, _, _, data in consumed(topic, 6)]
            for data in (seen[0], seen[3]):
                assert same(Reading(name).deserialize(data, VALUE), theirs(data, context(name)))
            with pytest.raises(Exception, match="cannot be read as"):
                Reading(name).deserialize(seen[1], VALUE)
            continue
        for _, obj, _, data in consumed(Reading(name), 6):
            expected = theirs(data, context(name))
            assert same(obj, expected)
            assert same(Reading(name, lazy=True).deserialize(data, VALUE).to_dict(), expected)


def test_a_schema_that_refers_to_others(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    """Also through another one that refers on."""
    space = f"refs{name.rsplit('-', 1)[1]}"
    money = {"type": "record", "name": "Money", "namespace": space, "fields": [{"name": "cents", "type": "long"}]}
    line = {
        "type": "record",
        "name": "Line",
        "namespace": space,
        "fields": [{"name": "price", "type": f"{space}.Money"}, {"name": "count", "type": "int"}],
    }
    order = {
        "type": "record",
        "name": "Order",
        "namespace": space,
        "fields": [
            {"name": "lines", "type": {"type": "array", "items": f"{space}.Line"}},
            {"name": "total", "type": ["null", f"{space}.Money"]},
        ],
    }
    to_money = SchemaReference(f"{space}.Money", f"{space}-money", 1)
    to_line = SchemaReference(f"{space}.Line", f"{space}-line", 1)
    client.register_schema(f"{space}-money", Schema(json.dumps(money), "AVRO"))
    client.register_schema(f"{space}-line", Schema(json.dumps(line), "AVRO", [to_money]))
    schema = Schema(json.dumps(order), "AVRO", [to_line, to_money])
    obj = {"lines": [{"price": {"cents": 5}, "count": 2}] * 3, "total": {"cents": 30}}
    broker.create_topic(name)
    topic = Collected(name, schema)
    for _ in range(2):
        topic.produce(obj)
    sent()
    for message in reference_consume(broker.bootstrap, [name], 2):
        assert message.value == theirs_written(client, name, schema, obj)
        assert theirs_read(client, message)[1] == obj
    assert [seen[1] for seen in consumed(Collected(name), 2)] == [obj, obj]


@pytest.mark.parametrize("strategy", ["topic", "record", "topic-record", "own"])
def test_subjects_follow_the_strategy(
    broker: KafkaServer, name: str, client: SchemaRegistryClient, strategy: str
) -> None:
    record = f"strategy.Sale{name.rsplit('-', 1)[1]}"
    schema = json.dumps({**V1, "name": record, "namespace": ""})
    conf, subject = {
        "topic": ({}, f"{name}-value"),
        "record": ({"subject.name.strategy": record_subject_name_strategy}, record),
        "topic-record": ({"subject.name.strategy": topic_record_subject_name_strategy}, f"{name}-{record}"),
        "own": ({"subject.name.strategy": lambda ctx, _: f"own-{ctx.topic}"}, f"own-{name}"),
    }[strategy]
    obj = {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}
    broker.create_topic(name)
    topic = Collected(name, schema, schema_config=conf)
    for _ in range(3):
        topic.produce(obj)
    sent()
    assert subject in client.get_subjects()
    assert (f"{name}-value" in client.get_subjects()) == (strategy == "topic")
    expected = theirs_written(client, name, schema, obj, **conf)
    assert {message.value for message in reference_consume(broker.bootstrap, [name], 3)} == {expected}
    assert [seen[1] for seen in consumed(Collected(name), 3)] == [obj] * 3


def test_without_auto_registration(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    broker.create_topic(name)
    schema, obj = json.dumps(V1), {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}
    topic = Collected(name, schema, schema_config={"auto.register.schemas": False})
    with pytest.raises(SchemaRegistryError):
        topic.produce(obj)
    with pytest.raises(SchemaRegistryError):
        topic.produce_many([obj, obj])
    assert f"{name}-value" not in client.get_subjects()
    schema_id = client.register_schema(f"{name}-value", Schema(schema, "AVRO"))
    topic.produce(obj)
    topic.produce_many([obj, obj])
    sent()
    values = {message.value for message in reference_consume(broker.bootstrap, [name], 3)}
    assert values == {theirs_written(client, name, schema, obj)}
    assert next(iter(values))[1:5] == schema_id.to_bytes(4, "big")


def test_use_latest_version(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    """The value is written with the registry's schema, whatever the topic's own says."""
    broker.create_topic(name)
    client.register_schema(f"{name}-value", Schema(json.dumps(V1), "AVRO"))
    latest = client.register_schema(f"{name}-value", Schema(json.dumps(V2), "AVRO"))
    conf = {"auto.register.schemas": False, "use.latest.version": True}
    obj = {"id": 2**40, "total": 0.1, "state": "PAID"}  # what is missing has a default in V2, not in V1
    topic = Collected(name, json.dumps(V1), schema_config=conf)
    for _ in range(3):
        topic.produce(obj)
    topic.produce_many([obj] * 3)
    sent()
    values = {message.value for message in reference_consume(broker.bootstrap, [name], 6)}
    assert values == {theirs_written(client, name, json.dumps(V1), obj, **conf)}
    assert next(iter(values))[1:5] == latest.to_bytes(4, "big")


def test_normalize_schemas(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    """Two spellings of a schema are one version."""
    broker.create_topic(name)
    obj = {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}
    spellings = [json.dumps(V1), json.dumps({key: V1[key] for key in reversed(V1)}, indent=4)]
    for schema in spellings:
        Collected(name, schema, schema_config={"normalize.schemas": True}).produce(obj)
    sent()
    first, second = (message.value for message in reference_consume(broker.bootstrap, [name], 2))
    assert first == theirs_written(client, name, spellings[0], obj, **{"normalize.schemas": True})
    assert second == theirs_written(client, name, spellings[1], obj, **{"normalize.schemas": True})
    assert [seen[1] for seen in consumed(Collected(name), 2)] == [obj, obj]


def test_a_schema_per_call(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    broker.create_topic(name)
    other = json.dumps({"type": "record", "name": "Other", "fields": [{"name": "x", "type": "string"}]})
    topic = Collected(name, json.dumps(V1))
    obj = {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}
    for _ in range(2):
        topic.produce({"x": "y"}, value_serializer_kwargs={"schema_str": other})
        topic.produce(obj, key=9, key_serializer_kwargs={"schema_str": '"long"'})
    topic.produce_many([{"x": "z"}], value_serializer_kwargs={"schema_str": other})
    sent()
    expected = [(None, {"x": "y"}), (9, obj)] * 2 + [(None, {"x": "z"})]
    messages = reference_consume(broker.bootstrap, [name], 5)
    assert [theirs_read(client, message) for message in messages] == expected
    assert messages[0].value == theirs_written(client, name, other, {"x": "y"})
    assert [seen[:2] for seen in consumed(Collected(name), 5)] == expected


def test_a_value_that_does_not_fit_is_not_produced(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    topic = Collected(name, json.dumps(V1))
    good = {"id": 1, "old": "o", "amount": 1.5, "state": "PAID"}
    topic.produce(good)
    for bad, said in (({**good, "id": "x"}, "id: "), ({**good, "state": "LOST"}, "state: ")):
        with pytest.raises(EncodeError, match=said):
            topic.produce(bad)
        with pytest.raises(EncodeError, match=said):
            topic.produce_many([good, bad, good])
    topic.produce(good)
    sent()
    assert [seen[1] for seen in consumed(Collected(name), 2)] == [good, good]


# ---- how often the registry is asked, and what happens when it is not there ----------------------------------------


def test_the_registry_is_asked_once_per_schema_and_subject(
    broker: KafkaServer, name: str, proxy: CountingProxy
) -> None:
    broker.create_topic(name, partitions=3)
    topic = Collected(name, everything("Everything"))
    for i in range(500):
        topic.produce(value(i % COUNT), key={"id": i})
    topic.produce_many([value(i % COUNT) for i in range(5000)], keys=[{"id": i} for i in range(5000)])
    sent()
    writing = list(proxy.requests)
    assert len([request for request in writing if request.startswith("POST")]) == 2, writing
    # confluent's client looks for an association of each subject first, and takes 404 for an answer.
    assert len(writing) == len(set(writing)), writing
    assert all(request.startswith(("POST /subjects/", "GET /associations/")) for request in writing), writing
    proxy.requests.clear()
    consumed(Collected(name), 5500)
    assert len(set(proxy.requests)) == len(proxy.requests) == 2, proxy.requests
    assert all(request.startswith("GET /schemas/ids/") for request in proxy.requests), proxy.requests


ORDER = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [
            {"name": "id", "type": "long"},
            {
                "name": "items",
                "type": {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "Item",
                        "fields": [{"name": "name", "type": "string"}, {"name": "price", "type": ["null", "long"]}],
                    },
                },
            },
        ],
    }
)


def order(i: int) -> dict[str, Any]:
    return {"id": i, "items": [{"name": f"item {n}", "price": n} for n in range(2)]}


def avro_worker(worker: Callable[..., Worker], broker: KafkaServer, name: str, url: str) -> Worker:
    return worker(
        bootstrap=broker.bootstrap,
        group=name,
        topics=[name],
        settings={"SCHEMA_REGISTRY": {"url": url, "max.retries": 0}},
        settings_module="tests.live.project.avro_settings",
        consumers=["tests.live.project.avro.consumers.AvroLedgerConsumer"],
    )


def done(ledger: Path) -> list[dict[str, Any]]:
    return [line for line in read_lines(ledger) if line["kind"] == "done"]


def test_bad_messages_are_dead_letters_that_say_where(
    broker: KafkaServer, name: str, client: SchemaRegistryClient, proxy: CountingProxy, worker: Callable[..., Worker]
) -> None:
    """An id that the registry does not know, and bytes that are no value, are the message's own failure."""
    broker.create_topic(name)
    good = theirs_written(client, name, ORDER, order(1))
    start = good[:5]
    key = theirs_written(client, name, '"string"', "k", KEY)
    bad_union = start + b"\x02" + b"\x04" + b"\x02a\x02\x02" + b"\x02b\x08"  # branch 4 of 2, in byte 8 of the value
    endless = start + b"\x02" + b"\x80\x80\x80\x80\x80\x80\x80\x80\x10" + b"\x02a"  # 2^55 items or so, in two bytes
    utf8 = start + b"\x02\x02\x02\xff\x00\x00"  # items[0].name
    unknown = b"\0" + (2**31 - 1).to_bytes(4, "big") + good[5:]
    bad: list[tuple[bytes, list[str]]] = [
        (unknown, ["2147483647"]),
        (bad_union, ["items[1].price", "byte 8"]),
        (endless, ["items", "byte "]),
        (utf8, ["items[0].name", "byte "]),
        (good[:-1], ["items", "byte "]),
        (good + b"\0", ["byte "]),
        (b"\x07" + good[1:], ["0x07"]),
        (b"", ["byte"]),
        (start, ["id", "byte "]),
    ]
    messages = [{"topic": name, "key": key, "value": data} for wrong, _ in bad for data in (good, wrong)]
    reference_produce(broker.bootstrap, [*messages, {"topic": name, "key": key, "value": good}])
    running = avro_worker(worker, broker, name, proxy.url)
    wait_until(lambda: len(done(running.ledger)) > len(bad) or not running.running, 60, "the good ones are handled")
    letters = reference_consume(broker.bootstrap, [f"{name}.{name}.dlt"], len(bad))
    assert running.stop() == 0
    assert [line["value"] for line in done(running.ledger)] == [order(1)] * (len(bad) + 1), running.tail()
    for letter, (wrong, said) in zip(letters, bad, strict=True):
        headers = dict(letter.headers)
        text = (headers["DEAD_LETTER_MESSAGE"] or b"").decode()
        assert (letter.key, letter.value) == (key, wrong)
        assert all(part in text for part in said), f"{wrong!r}: {text}"


def test_while_the_registry_is_down_the_partition_waits(
    broker: KafkaServer, name: str, own_registry: RegistryServer, worker: Callable[..., Worker]
) -> None:
    """And goes on when it is back, with nothing lost, nothing dead-lettered, nothing handled twice."""
    client = SchemaRegistryClient({"url": own_registry.url})
    broker.create_topic(name)
    known = [theirs_written(client, name, ORDER, order(i)) for i in range(50)]
    evolved = json.loads(ORDER)
    evolved["fields"].append({"name": "more", "type": "int"})
    new = [theirs_written(client, name, json.dumps(evolved), {**order(i), "more": i}) for i in range(50, 100)]
    key = theirs_written(client, name, '"string"', "k", KEY)
    reference_produce(broker.bootstrap, [{"topic": name, "key": key, "value": data} for data in known])
    running = avro_worker(worker, broker, name, own_registry.url)
    wait_until(lambda: len(done(running.ledger)) >= 50 or not running.running, 60, "the first schema's are handled")
    own_registry.kill()
    messages = [{"topic": name, "key": key, "value": data} for data in (*known[:10], *new)]
    reference_produce(broker.bootstrap, messages)

    def tries() -> list[dict[str, Any]]:
        return [line for line in read_lines(running.ledger) if line == {"kind": "begin", "offset": 60}]

    wait_until(lambda: len(tries()) > 1 or not running.running, 60, "a message of the second schema was tried again")
    assert len(done(running.ledger)) == 60  # what needs no registry goes on
    own_registry.start()
    wait_until(lambda: len(done(running.ledger)) >= 110 or not running.running, 60, "the second schema's are handled")
    assert running.stop() == 0
    expected = [*map(order, (*range(50), *range(10))), *({**order(i), "more": i} for i in range(50, 100))]
    assert [line["value"] for line in done(running.ledger)] == expected, running.tail()
    assert [line["offset"] for line in done(running.ledger)] == list(range(110))
    assert not broker.topic_exists(f"{name}.{name}.dlt")


def test_producing_while_the_registry_is_down(
    broker: KafkaServer, name: str, proxy: CountingProxy, client: SchemaRegistryClient
) -> None:
    """It is an error of its own class until the registry is back; nothing is produced meanwhile."""
    from django_kafka.exceptions import SchemaRegistryUnavailable

    broker.create_topic(name)
    topic = Collected(name, ORDER)
    proxy.fail_with = 503
    with django_kafka_settings(broker.bootstrap, proxy.url, max_retries=0):
        with pytest.raises(SchemaRegistryUnavailable):
            topic.produce(order(1))
        with pytest.raises(SchemaRegistryUnavailable):
            topic.produce_many([order(1)])
        proxy.fail_with = None
        topic.produce(order(2))
        proxy.fail_with = 503
        topic.produce(order(3))
        sent()
    assert [seen[1] for seen in _through(proxy, Collected(name), 2)] == [order(2), order(3)]


def _through(proxy: CountingProxy, topic: Collected, count: int) -> list[tuple[Any, Any, Any, Any]]:
    proxy.fail_with = None
    return consumed(topic, count)
