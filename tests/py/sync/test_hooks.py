# SPDX-License-Identifier: MIT
"""The hooks of model topics: what each does, in which order they are called, and what they say when they refuse."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from django_kafka.exceptions import DjangoKafkaError, ModelSyncError
from django_kafka.topic import TopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.model import ModelTopicConsumer
from django_kafka.utils.message import Message
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, message, topic_of
from tests.synced.models import Customer, Hidden, Line, Order, Saved, Skipping, contents


def names(model: Any = Order) -> list[Any]:
    return [(row["id"], row["name"]) for row in contents(model)]


def test_a_message_creates_updates_and_deletes() -> None:
    topic = topic_of(Order)
    assert topic.consume(message({"id": 1}, {"id": 1, "name": "a", "unknown": 3})) is None
    topic.consume(message({"id": 1}, {"id": 1, "note": "b"}))
    assert names() == [(1, "a")]
    assert Order.objects.get().note == "b"
    topic.consume(message({"id": 1}, {"id": 1, "__deleted": "true"}))
    assert names() == []
    topic.consume(message({"id": 1}))  # the tombstone behind it: nothing is there, and that is fine
    assert names() == []


def test_sync_returns_what_update_or_create_returns() -> None:
    topic = topic_of(Order)
    obj, created = topic.sync(Order, {"id": 5}, {"id": 5, "name": "x"})
    assert (obj.pk, obj.name, created) == (5, "x", True)
    obj, created = topic.sync(Order, {"id": 5}, {"id": 5, "name": "y"})
    assert (obj.name, created) == ("y", False)
    assert topic.sync(Order, {"id": 5}, None) is None
    assert topic.sync(Order, {"id": 5}, None) is None


def test_hooks_are_called_in_order_and_with_what_the_one_before_made() -> None:
    calls: list[Any] = []

    class Topic(JSONModelTopic):
        def get_model(self, key: Any, value: Any) -> Any:
            calls.append(("get_model", dict(key), dict(value)))
            return Order

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            calls.append(("get_lookup_kwargs", model, "__deleted" in value))
            return super().get_lookup_kwargs(model, key, value)

        def is_deletion(self, model: Any, key: Any, value: Any) -> Any:
            calls.append(("is_deletion", "__deleted" in value))
            return super().is_deletion(model, key, value)

        def transform(self, model: Any, value: Any) -> Any:
            calls.append(("transform", dict(value)))
            return super().transform(model, value)

        def transform_name(self, model: Any, field_name: str, field_value: Any) -> Any:
            calls.append(("transform_name", model, field_name, field_value))
            return "note", field_value

        def get_defaults(self, model: Any, value: Any) -> Any:
            calls.append(("get_defaults", dict(value)))
            return super().get_defaults(model, value)

    sent = {"id": 1, "name": "a", "__deleted": "false"}
    Topic().consume(message({"id": 1}, sent))
    assert calls == [
        ("get_model", {"id": 1}, sent),
        ("get_lookup_kwargs", Order, True),  # before the marker is taken out
        ("is_deletion", True),
        ("transform", {"id": 1, "name": "a"}),
        ("transform_name", Order, "name", "a"),
        ("get_defaults", {"id": 1, "note": "a"}),
    ]
    assert Order.objects.get().note == "a"
    assert names() == [(1, "new")]


def test_sync_is_called_by_consume_for_each_message() -> None:
    topic = topic_of(Order)
    with mock.patch.object(topic, "sync") as sync:
        topic.consume(message({"id": 1}, {"id": 1}))
        topic.consume_batch([message({"id": 2}, {"id": 2}), message({"id": 3})])
    assert [(call.args[0], call.args[1], call.args[2]) for call in sync.call_args_list] == [
        (Order, {"id": 1}, {"id": 1}),
        (Order, {"id": 2}, {"id": 2}),
        (Order, {"id": 3}, None),
    ]


@pytest.mark.parametrize(
    ("said", "deleted"),
    [("true", True), ("TRUE", True), ("false", False), ("yes", False), (True, True), (False, False), (None, False)],
)
def test_is_deletion_takes_the_marker_out(said: Any, deleted: bool) -> None:
    value = {"id": 1, "__deleted": said}
    assert topic_of(Order).is_deletion(Order, {"id": 1}, value) is deleted
    assert value == {"id": 1}


def test_is_deletion_without_a_value_or_with_another_marker() -> None:
    assert topic_of(Order).is_deletion(Order, {"id": 1}, None) is True
    value = {"id": 1, "gone": "true", "__deleted": "true"}
    assert topic_of(Order, deletion_key="gone").is_deletion(Order, None, value) is True
    assert value == {"id": 1, "__deleted": "true"}
    assert topic_of(Order, deletion_key=None).is_deletion(Order, None, value) is False


def test_is_deletion_of_the_first_readme_works_with_debezium_texts() -> None:
    class Topic(JSONModelTopic):
        model = Order

        def is_deletion(self, model: Any, key: Any, value: Any) -> Any:
            return value.pop("__deleted", False)

    topic = Topic()
    topic.consume(message({"id": 1}, {"id": 1, "__deleted": "false"}))
    assert names() == [(1, "new")]
    topic.consume(message({"id": 1}, {"id": 1, "__deleted": "true"}))
    assert names() == []


def test_lookup_by_the_primary_key_of_value_then_key() -> None:
    topic = topic_of(Order)
    assert topic.get_lookup_kwargs(Order, {"id": 1}, {"id": 2}) == {"id": 2}
    assert topic.get_lookup_kwargs(Order, {"id": 1}, {"name": "a"}) == {"id": 1}
    assert topic.get_lookup_kwargs(Order, {"id": 1}, None) == {"id": 1}
    assert topic.get_lookup_kwargs(Order, {"code": 1}, None) == {"code": 1}
    assert topic.get_lookup_kwargs(Order, "17", None) == {"id": "17"}
    excluding = topic_of(Line, exclude_fields=["id"])
    assert excluding.get_lookup_kwargs(Line, {"order_number": 1, "place": 2}, {"id": 9}) == {
        "order_number": 1,
        "place": 2,
    }


def test_debezium_looks_up_by_the_key() -> None:
    topic = topic_of(Order, DbzJSONTopic)
    assert topic.get_lookup_kwargs(Order, {"id": 1}, {"id": 2}) == {"id": 1}
    assert topic.get_lookup_kwargs(Order, None, {"id": 2}) == {"id": 2}


def test_a_key_that_names_no_row_is_told() -> None:
    topic = topic_of(Order)
    with pytest.raises(ModelSyncError, match=r"^Topic orders, partition 0, offset 3: .*get_lookup_kwargs"):
        topic.consume(message(None, {"name": "a"}, offset=3))
    with pytest.raises(ModelSyncError, match=r"offset 4: Order\.code: 1 is not the name of a field"):
        topic.consume(message({"code": 1}, {"name": "a"}, offset=4))


def test_excluded_fields_are_not_written() -> None:
    topic_of(Order, exclude_fields=["note"]).consume(message({"id": 1}, {"id": 1, "name": "a", "note": "b"}))
    assert (Order.objects.get().name, Order.objects.get().note) == ("a", None)


def test_transform_of_a_field_as_the_readme_has_it() -> None:
    class Topic(JSONModelTopic):
        model = Order

        def transform_nick(model, key, value):  # type: ignore[no-untyped-def]
            return "name", value["nick"].upper()

    Topic().consume(message({"id": 1}, {"id": 1, "nick": "bob"}))
    assert names() == [(1, "BOB")]


def test_transform_as_a_static_method_gets_the_fields_value() -> None:
    class Topic(JSONModelTopic):
        model = Order

        @staticmethod
        def transform_nick(model: Any, name: str, value: Any) -> Any:
            return "name", value.upper()

    Topic().consume(message({"id": 1}, {"id": 1, "nick": "bob"}))
    assert names() == [(1, "BOB")]


def test_get_model_without_a_model() -> None:
    topic = topic_of(None)
    with pytest.raises(
        DjangoKafkaError, match=r"^Cannot obtain model: either define a default model or override get_model$"
    ):
        topic.get_model({"id": 1}, {})


def test_model_has_field() -> None:
    topic = topic_of(Order)
    assert [topic.model_has_field(Order, name) for name in ("name", "customer", "customer_id", "other")] == [
        True,
        True,
        True,
        False,
    ]
    assert topic.model_has_field(Customer, "orders")


def test_get_defaults_keeps_what_the_model_knows() -> None:
    topic = topic_of(Order)
    assert topic.get_defaults(Order, {"id": 1, "name": "a", "customer_id": 3, "x": 1}) == {
        "id": 1,
        "name": "a",
        "customer_id": 3,
    }


def test_kafka_skip_is_set_on_synced_rows_unless_it_is_switched_off() -> None:
    topic = topic_of(Skipping)
    assert topic.get_defaults(Skipping, {"name": "a"}) == {"name": "a", "kafka_skip": True}
    topic.consume(message({"id": 1}, {"id": 1, "name": "a"}))
    topic.consume_batch([message({"id": 2}, {"id": 2, "name": "b"}), message({"id": 3}, {"id": 3})])
    assert [row["kafka_skip"] for row in contents(Skipping)] == [True, True, True]
    off = topic_of(Skipping, sync_kafka_skip=False)
    assert off.get_defaults(Skipping, {"name": "a"}) == {"name": "a"}


REROUTED = "__dbz__physicalTableIdentifier"


def test_rerouted_tables() -> None:
    topic = topic_of(None, DbzJSONTopic, reroute_model_map={"public.order": Order, "public.customer": Customer})
    topic.consume(message({"id": 1, REROUTED: "public.order"}, {"id": 1, "name": "a"}))
    topic.consume(message({"id": 2, REROUTED: "public.customer"}, {"id": 2, "name": "b"}))
    assert (names(Order), names(Customer)) == ([(1, "a")], [(2, "b")])
    with pytest.raises(DjangoKafkaError, match=r"^Unrecognised rerouted topic `public.other`\nTopic") as caught:
        topic.consume(message({"id": 2, REROUTED: "public.other"}, {"id": 2}, offset=9))
    assert caught.value.__notes__ == ["Topic orders, partition 0, offset 9."]
    with pytest.raises(DjangoKafkaError, match=r"^To obtain the correct model, reroute_model_map must be set when "):
        topic_of(Order, DbzJSONTopic).get_model({"id": 2, REROUTED: "public.order"}, {})
    topic.consume(message({"id": 1, REROUTED: "public.order"}))
    assert names(Order) == []


@pytest.mark.parametrize("key", [None, "public.order", f"a{REROUTED}b", 7])
def test_d27_keys_that_are_no_mapping_name_no_table(key: Any) -> None:
    assert topic_of(Order, DbzJSONTopic, reroute_model_map={"t": Customer}).get_model(key, {}) is Order


def test_d26_rows_that_the_manager_hides_are_found() -> None:
    Hidden._base_manager.create(id=1, name="a", hidden=True)
    topic = topic_of(Hidden)
    topic.consume(message({"id": 1}, {"id": 1, "name": "b"}))
    topic.consume_batch([message({"id": 1}, {"id": 1, "name": "c"}), message({"id": 2}, {"id": 2, "hidden": True})])
    assert names(Hidden) == [(1, "c"), (2, "")]
    topic.consume(message({"id": 1}))
    topic.consume_batch([message({"id": 2}), message({"id": 3})])
    assert names(Hidden) == []


def test_a_save_of_the_models_own_is_called() -> None:
    topic = topic_of(Saved)
    topic.consume(message({"id": 1}, {"id": 1, "name": "ABC"}))
    topic.consume_batch([message({"id": n}, {"id": n, "name": f"N{n}"}) for n in range(3)])
    assert [row["slug"] for row in contents(Saved)] == ["n0", "n1", "n2"]


def test_examples_of_the_readme_run_with_text_messages() -> None:
    class MyModelConsumer(ModelTopicConsumer):
        name = "topic"
        model = Order

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            return {"id": key}

    class Dbz(DbzModelTopicConsumer):
        name = "debezium_topic"
        model = Order

    MyModelConsumer().consume(Message("topic", b"7", b'{"name": "a"}'))
    assert names() == [(7, "a")]
    Dbz().consume(Message("debezium_topic", b'{"id": 7}', b'{"id": 7, "name": "b", "__deleted": "false"}'))
    assert names() == [(7, "b")]
    Dbz().consume(Message("debezium_topic", b'{"id": 7}', None))
    assert names() == []


def test_hooks_that_parse_by_themselves_get_the_text() -> None:
    class Topic(ModelTopicConsumer):
        name = "topic"
        model = Order

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            assert value == '{"name": "a"}'
            return {"id": int(key)}

        def transform(self, model: Any, value: Any) -> Any:
            assert value == '{"name": "a"}'
            return {"name": "parsed"}

    Topic().consume(Message("topic", b"7", b'{"name": "a"}'))
    assert names() == [(7, "parsed")]


def test_a_value_that_is_no_mapping_is_told() -> None:
    with pytest.raises(ModelSyncError, match=r"offset 5: its value is list, of which no row can be made"):
        topic_of(Order).consume(message({"id": 1}, [1, 2], offset=5))


def test_a_name_that_is_no_column_is_told() -> None:
    topic = topic_of(Customer)
    with pytest.raises(ModelSyncError, match=r"Customer\.orders: list of 1 is not a value of a column; add the name"):
        topic.consume(message({"id": 1}, {"id": 1, "orders": [3]}))


def test_consume_and_consume_batch_are_defined_by_the_same_class() -> None:
    owners = {
        name: next(cls for cls in JSONModelTopic.__mro__ if name in vars(cls))
        for name in ("consume", "consume_batch")
    }
    assert set(owners.values()) == {ModelTopicConsumer}
    assert issubclass(ModelTopicConsumer, TopicConsumer)
