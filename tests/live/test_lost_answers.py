# SPDX-License-Identifier: MIT
"""The answer to a heartbeat is lost (group.protocol=consumer), and with it what the coordinator says only once."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.clients import assert_exactly, numbered, reference_produce
from tests.live.members import Member, run_until
from tests.live.servers import KafkaServer, kafka
from tests.live.servers.kafka_proxy import HEARTBEAT, Answer, KafkaProxy
from tests.live.servers.process import free_port

PROTOCOL: dict[str, Any] = {"group_protocol": "consumer"}


def never() -> bool:
    return False


class Thief:
    """Loses the next answers to heartbeats of one client that tell it of its assignment, and any when `chance` says
    so, but the first one of a client: for that librdkafka waits 45 s. Keeps what it has let pass."""

    def __init__(self) -> None:
        self.victim = ""
        self.left = 0
        self.chance = never
        self.lost: list[Answer] = []
        self.seen: list[Answer] = []

    def wait_for(self, client_id: str, times: int = 1) -> None:
        self.lost = []
        self.left = times
        self.victim = client_id

    @property
    def done(self) -> bool:
        return self.left == 0

    def of(self, client_id: str) -> list[Answer]:
        return [answer for answer in list(self.seen) if answer.client_id == client_id]

    def told(self, client_id: str) -> int:
        """How often it was told of an assignment."""
        return sum(answer.has_partitions for answer in self.of(client_id))

    def __call__(self, answer: Answer) -> bool:
        if answer.api != HEARTBEAT:
            return False
        if self.of(answer.client_id) and self.chance():
            return True
        if answer.client_id != self.victim or self.left == 0 or not answer.has_partitions:
            self.seen.append(answer)
            return False
        self.lost.append(answer)
        self.left -= 1
        return True


@pytest.fixture(scope="module")
def thief() -> Thief:
    return Thief()


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, thief: Thief) -> Iterator[KafkaServer]:
    """All that its clients hear comes through the thief's hands."""
    if reason := kafka.available():
        pytest.skip(reason)
    failed = request.session.testsfailed
    port = free_port()
    proxy = KafkaProxy(port, thief)
    server = KafkaServer(properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"})
    try:
        proxy.start(server.node.port)
        server.start()
        yield server
    finally:
        for path in server.close(keep_logs=request.session.testsfailed > failed):
            print(f"\nKafka's log: {path}")
        proxy.close()


def read_all(broker: KafkaServer, topic: str, members: list[Member]) -> None:
    """Each partition is read by somebody, and nothing twice. Closes the members."""
    reference_produce(broker.bootstrap, numbered(topic, 400, 4))
    run_until(members, lambda: sum(len(member.seen) for member in members) >= 400, "all is read", 30)
    assert_exactly([message for member in members for message in member.seen], 400, 4)
    logs = [list(member.log) for member in members]
    for member in members:
        member.client.close(30)
    for member, log in zip(members, logs, strict=True):
        member.log = log


@pytest.mark.parametrize("times", [1, 3])
def test_partitions_that_another_member_gives_back_later(
    broker: KafkaServer, name: str, thief: Thief, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    """They come at an epoch that the member has already, so that nothing tells it of them a second time. times: in a
    row, the answers to full requests too."""
    caplog.set_level(logging.INFO)
    other = broker.create_topic(f"{name}-other", partitions=2)
    broker.create_topic(name, partitions=4)
    one, two = f"one-{name}", f"two-{name}"
    first = Member(broker, name, name, client_id=one, **PROTOCOL)
    second = Member(broker, name, other, client_id=two, **PROTOCOL)
    run_until([first, second], lambda: len(first.partitions) == 4 and len(second.partitions) == 2, "each has a topic")
    told = thief.told(one)
    second.client.subscribe([other, name], second.note("assign"), second.note("revoke"), second.note("lost"))
    # The first is busy, so it gives nothing back.
    run_until([second], lambda: thief.told(one) > told, "the first is asked to give partitions back")
    beats = len(thief.of(two))
    run_until([second], lambda: len(thief.of(two)) > beats + 1, "the second knows the epoch")
    thief.wait_for(two, times)
    run_until([first, second], lambda: thief.done, "the second is told of its partitions, in vain")
    run_until([first, second], lambda: len(second.partitions) > 2, "the second has its partitions", 60)
    assert {answer.epoch for answer in thief.lost} == {thief.of(two)[beats].epoch}
    read_all(broker, name, [first, second])
    # Nothing else has moved.
    assert [what for what, parts in first.log if parts] == ["assign", "revoke"]
    assert [what for what, parts in second.log if parts] == ["assign", "assign"]
    assert len([text for text in caplog.messages if "the answer to a heartbeat was lost" in text]) == 1
    assert not [text for text in caplog.messages if "security.protocol" in text]


def test_partitions_of_a_member_that_leaves(broker: KafkaServer, name: str, thief: Thief) -> None:
    """They come with a new epoch, which the member does not hear of either."""
    broker.create_topic(name, partitions=4)
    first = Member(broker, name, name, **PROTOCOL)
    run_until([first], lambda: len(first.partitions) == 4, "the first has all")
    second = Member(broker, name, name, client_id=f"two-{name}", **PROTOCOL)
    run_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 2, "two each")
    thief.wait_for(f"two-{name}")
    first.client.close(30)
    run_until([second], lambda: thief.done, "the second is told of its partitions, in vain")
    run_until([second], lambda: len(second.partitions) == 4, "the second has all", 60)
    read_all(broker, name, [second])
    assert [what for what, parts in second.log if parts] == ["assign", "assign"]


def test_partitions_that_are_to_be_given_back(broker: KafkaServer, name: str, thief: Thief) -> None:
    """The other member would wait for max.poll.interval.ms for them."""
    broker.create_topic(name, partitions=4)
    first = Member(broker, name, name, client_id=f"one-{name}", **PROTOCOL)
    run_until([first], lambda: len(first.partitions) == 4, "the first has all")
    thief.wait_for(f"one-{name}")
    second = Member(broker, name, name, **PROTOCOL)
    run_until([first, second], lambda: thief.done, "the first is asked to give partitions back, in vain")
    run_until([first, second], lambda: len(second.partitions) == 2, "the second has its partitions", 60)
    read_all(broker, name, [first, second])
    assert [what for what, parts in first.log if parts] == ["assign", "revoke"]


def test_any_answers_are_lost_while_members_come_and_go(broker: KafkaServer, name: str, thief: Thief) -> None:
    """A fifth of all answers. What is produced is read soon, whoever is there."""
    broker.create_topic(name, partitions=6)
    chance = random.Random(68)
    members: list[Member] = []

    def join() -> Member:
        members.append(Member(broker, name, name, client_id=f"{len(members)}-{name}", **PROTOCOL))
        return members[-1]

    here = [join(), join()]
    produced = 0
    thief.chance = lambda: chance.random() < 0.2
    try:
        for change in ("join", "leave", "join", "leave"):
            reference_produce(broker.bootstrap, numbered(name, 60, 6, first=produced))
            produced += 60
            if change == "join":
                here.append(join())
            else:
                here.pop(0).client.close(30)
            run_until(here, lambda: len(read(members)) == produced, f"all is read after {change}", 60)  # noqa: B023
    finally:
        thief.chance = never
    for member in here:
        member.client.close(30)
    assert read(members) == {(p, offset) for p in range(6) for offset in range(produced // 6)}


def read(members: list[Member]) -> set[tuple[int, int]]:
    """Partitions and offsets that were read, once or more often."""
    return {(message.partition, message.offset) for member in members for message in member.seen}
