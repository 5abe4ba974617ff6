# SPDX-License-Identifier: MIT
"""What helps a partition that does not go on."""

from __future__ import annotations

from confluent_kafka import KafkaError

from django_kafka.failures.attempts import Place

_RESET = "kafka-consumer-groups.sh --reset-offsets --group {group} --topic {topic}:{partition}"
_PASS_OVER = (
    f"To pass over it, stop the group's consumers and set the offset behind it: {_RESET} --to-offset N --execute"
)
_LOST = (
    "'auto.offset.reset' is 'error', so nothing is chosen for you: stop the group's consumers and say where to go on "
    f"({_RESET} --to-earliest --execute), or set 'auto.offset.reset' to 'earliest' or 'latest'"
)
_DAMAGED = f"A batch there is damaged, most likely. The partition is tried again every minute. {_PASS_OVER}"
# What librdkafka says of a batch that it cannot read.
DAMAGE = (
    KafkaError._BAD_MSG,
    KafkaError._BAD_COMPRESSION,
    KafkaError._NOT_IMPLEMENTED,
    KafkaError._UNDERFLOW,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
)
_REMEDIES = {
    **dict.fromkeys(DAMAGE, _DAMAGED),
    KafkaError._AUTO_OFFSET_RESET: _LOST,
    KafkaError.OFFSET_OUT_OF_RANGE: _LOST,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "The broker's ACLs do not let this user read the topic: grant READ on it. "
    "The partition then goes on by itself",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "The topic or partition does not exist (any more)",
    KafkaError._TIMED_OUT: "A producer's transaction may be open (isolation.level is read_committed), or a batch "
    f"there cannot be read, which kafka-dump-log.sh shows. {_PASS_OVER}",
}


def remedy_of(code: int, place: Place, group: str) -> str:
    """A sentence for an error of this partition."""
    text = _REMEDIES.get(code, "The client keeps trying")
    return f"{text.format(topic=place[0], partition=place[1], group=group)}."
