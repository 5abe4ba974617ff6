# SPDX-License-Identifier: MIT
"""SASL/OAUTHBEARER with tokens that live for seconds, at a broker that asks each connection for new ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native
from tests.live.clients import consumer_config
from tests.live.servers import kafka, wait_until
from tests.live.servers.oauth import OAuthKafka, TokenEndpoint, unsecured_token

LIFE = 6.0


@pytest.fixture(scope="module")
def secured() -> Iterator[OAuthKafka]:
    if reason := kafka.available():
        pytest.skip(reason)
    with OAuthKafka(reauth_seconds=LIFE) as broker:
        yield broker


class Tokens:
    """An oauth_cb that counts."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, config: str) -> tuple[str, float]:
        self.given += 1
        return unsecured_token(LIFE)


def test_a_fresh_client_can_ask_at_once(secured: OAuthKafka) -> None:
    secured.create_topic("fresh")
    config = {**secured.client_config(), "oauth_cb": Tokens()}
    with _native.Producer(config) as producer:
        assert "fresh" in producer.list_topics(timeout=30).topics
        assert producer.create_topic("fresh.dlt", 1, 1, timeout=30)
    consumer = _native.Consumer(consumer_config("", "fresh") | config)
    assert "fresh" in consumer.list_topics(timeout=30).topics
    assert [part.offset for part in consumer.committed([TopicPartition("fresh", 0)], timeout=30)] == [-1001]
    assert consumer.get_watermark_offsets(TopicPartition("fresh", 0), timeout=30) == (0, 0)
    consumer.close()


def value(msg: _native.Message | None) -> Any:
    assert msg is not None
    return msg.value()


def committed(consumer: _native.Consumer, msg: Any) -> bool:
    """The connection to the coordinator may just be made anew."""
    try:
        return consumer.commit(msg, asynchronous=False)[0].offset == msg.offset() + 1  # type: ignore[index]
    except KafkaException as error:
        assert error.args[0].code() == KafkaError._WAIT_COORD
        return False


def test_a_handler_that_takes_longer_than_a_token_lives(secured: OAuthKafka) -> None:
    """It keeps its partition: no message comes twice, and its offset can be committed."""
    secured.create_topic("long")
    tokens = Tokens()
    config = {**secured.client_config(), "oauth_cb": tokens}
    with _native.Producer(config) as producer:
        producer.produce_many("long", [b"1", b"2"])
    lost: list[Any] = []
    conf = consumer_config("", "long", session_timeout_ms=3000, heartbeat_interval_ms=300, enable_auto_commit=False)
    consumer = _native.Consumer(conf | config)
    consumer.subscribe(["long"], on_revoke=lambda c, p: lost.append(p), on_lost=lambda c, p: lost.append(p))
    first = consumer.poll(60)
    assert value(first) == b"1"
    before = tokens.given
    wait_until(lambda: tokens.given >= before + 4, 120, "the handler has seen four tokens go")
    assert secured.group_members("long") == 1
    assert not lost
    wait_until(lambda: committed(consumer, first), 60, "its offset is committed")
    assert value(consumer.poll(60)) == b"2"
    consumer.close()
    assert len(lost) == 1, "given back in the end"


def test_an_idle_producer(secured: OAuthKafka) -> None:
    secured.create_topic("idle")
    tokens = Tokens()
    producer = _native.Producer({**secured.client_config(), "oauth_cb": tokens})
    producer.produce("idle", b"1")
    assert producer.flush(30) == 0
    wait_until(lambda: tokens.given >= 4, 120, "tokens are renewed though nobody polls")
    producer.produce("idle", b"2")
    assert producer.flush(30) == 0
    producer.close()


def test_tokens_that_librdkafka_gets_by_itself(secured: OAuthKafka) -> None:
    secured.create_topic("oidc")
    with TokenEndpoint(LIFE) as endpoint:
        config: dict[str, Any] = {
            **secured.client_config(),
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": "shop",
            "sasl.oauthbearer.client.secret": "secret",
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
        }
        producer = _native.Producer(config)
        producer.produce("oidc", b"1")
        assert producer.flush(30) == 0
        consumer = _native.Consumer(consumer_config("", "oidc") | config)
        consumer.subscribe(["oidc"])
        assert value(consumer.poll(60)) == b"1"
        given = endpoint.given
        wait_until(lambda: endpoint.given >= given + 4, 120, "both clients' tokens were renewed twice")
        producer.produce("oidc", b"2")
        assert producer.flush(30) == 0
        assert value(consumer.poll(60)) == b"2"
        consumer.close()
        producer.close()
