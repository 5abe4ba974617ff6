# SPDX-License-Identifier: MIT
"""The topics of a chaos run, how their failures are to be treated, and which group handles them."""

from __future__ import annotations

from dataclasses import dataclass

PARTITIONS = 4


@dataclass(frozen=True)
class Rule:
    """One topic. `kind`: "none" (a failure is final), "blocking" or "later" (non-blocking)."""

    topic: str
    group: str
    kind: str = "none"
    max_retries: int = 0
    delay: float = 0.0
    backoff: bool = False

    @property
    def tries(self) -> int:
        """How often one record of the topic itself may fail before its fate is decided."""
        return self.max_retries + 1 if self.kind == "blocking" else 1

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.group}.{self.topic}.dlt"


# The three groups go the three ways through the consumer's loop: handlers called directly, an overridden consume(),
# an overridden process_message().
RULES = (
    Rule("plain", "direct"),
    Rule("blocking", "direct", "blocking", max_retries=3, delay=0.15),
    Rule("later", "direct", "later", max_retries=2, delay=0.4, backoff=True),
    Rule("endless", "direct", "later", max_retries=-1, delay=0.3),
    Rule("hooked", "hooks", "blocking", max_retries=2, delay=0.1, backoff=True),
    Rule("hooked-later", "hooks", "later", max_retries=1, delay=0.3),
    Rule("polled", "poll", "blocking", max_retries=2, delay=0.1),
    Rule("polled-later", "poll", "later", max_retries=1, delay=0.3),
)
BY_TOPIC = {rule.topic: rule for rule in RULES}
GROUPS = tuple(dict.fromkeys(rule.group for rule in RULES))


def rule_of(topic: str) -> Rule:
    """The rule that a topic follows; a retry topic follows that of the topic it belongs to."""
    rule = BY_TOPIC.get(topic)
    if rule is not None:
        return rule
    group, _, rest = topic.partition(".")
    name, _, _ = rest.rpartition(".retry.")
    rule = BY_TOPIC[name or rest.removesuffix(".dlt")]
    assert rule.group == group, topic
    return rule
