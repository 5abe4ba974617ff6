# SPDX-License-Identifier: MIT
"""Every event that the library logs, once: what happened, how serious it is, and the words for it.

Code that reports something calls `EVENT.tell(logger, …)`. What librdkafka logs by itself is not here, but in
logs/client.py.
"""

from __future__ import annotations

from django_kafka.logs.event import DEBUG, ERROR, INFO, WARNING, Event

__all__ = ["DEBUG", "ERROR", "INFO", "WARNING", "Event"]

# ---- a consumer ----------------------------------------------------------------------------------------------------

CONSUMER_STARTS = Event("consumer.starts", INFO, "%(consumer)s starts: %(plan)s")
CONSUMER_WITHOUT_TOPICS = Event(
    "consumer.without-topics", WARNING, "%(consumer)s has no topics, there is nothing to consume."
)
CONSUMER_FAILED = Event("consumer.failed", ERROR, "'%(consumer)s failed'")
CONSUMER_ENDED_BY_HANDLER = Event(
    "consumer.ended-by-handler",
    ERROR,
    "%(message)s: %(exception)s ends the consumer. The message is not finished; it will be redelivered.",
)
CONSUMER_CATCHES_UP = Event(
    "consumer.catches-up", INFO, "%(consumer)s is behind: %(lag)s messages, handles %(rate)s per second, %(left)s."
)
CONSUMER_CAUGHT_UP = Event("consumer.caught-up", INFO, "%(consumer)s has caught up: %(count)s messages in %(took)s.")
GROUP_JOINED = Event("consumer.group-joined", INFO, "%(consumer)s has joined group '%(group)s' as %(member)s.")
GROUP_HAS_NOTHING = Event(
    "consumer.group-has-nothing",
    INFO,
    "%(consumer)s, group '%(group)s': assigned nothing, as other members have all partitions. It stands by.",
)
PARTITIONS_AWAITED = Event(
    "consumer.partitions-awaited",
    WARNING,
    "%(consumer)s, group '%(group)s': no partition is assigned since %(seconds).0f s: %(reason)s.",
)
PARTITION_IS_NEW = Event(
    "consumer.partition-is-new",
    INFO,
    "%(consumer)s: '%(topic)s' partition=%(partition)s was added meanwhile; it is read from its beginning.",
)
PARTITION_STANDS = Event(
    "consumer.partition-stands",
    ERROR,
    "%(consumer)s: %(topic)s[%(partition)s] does not go on at offset %(at)s: %(reason)s. %(remedy)s",
)
PARTITION_AT_ITS_END = Event(
    "consumer.partition-at-its-end", DEBUG, "%(consumer)s: '%(topic)s' partition=%(partition)s ends at %(offset)s."
)
PARTITIONS_ASSIGNED = Event(
    "consumer.partitions-assigned", INFO, "%(consumer)s, group '%(group)s': assigned %(partitions)s"
)
PARTITIONS_REVOKED = Event(
    "consumer.partitions-revoked", INFO, "%(consumer)s, group '%(group)s': revoked %(partitions)s"
)
PARTITIONS_LOST = Event(
    "consumer.partitions-lost",
    INFO,
    "%(consumer)s, group '%(group)s': lost %(partitions)s. What is in hand of them will be redelivered.",
)
PATTERN_WITHOUT_TOPIC = Event(
    "consumer.pattern-without-topic",
    INFO,
    "%(consumer)s, group '%(group)s': no topic matches the pattern '%(pattern)s' yet. "
    "One that is created later is found.",
)
CLUSTER_IS_MOCK = Event(
    "consumer.cluster-is-mock",
    WARNING,
    "%(consumer)s reads from librdkafka's mock cluster (kafka_broker), which is for development only: what is in it "
    "is gone when it ends.%(advice)s",
)
OWN_TOPIC_PASSED_OVER = Event(
    "consumer.own-topic-passed-over", WARNING, "%(consumer)s passes over %(topic)s, which its own failures go to."
)
FOREIGN_PASSED_OVER = Event(
    "consumer.foreign-passed-over",
    WARNING,
    "%(consumer)s passes over the messages in %(topic)s that came from '%(origin)s': another group's retry topic has "
    "the same name.",
)
PRODUCED_NOT_DELIVERED = Event(
    "consumer.produced-not-delivered",
    ERROR,
    "%(count)d messages that handlers produced could not be delivered within %(seconds).3g s. What was handled since "
    "the last commit is not committed, and will be redelivered.",
)
CONSUMER_NOT_CLOSED_CLEANLY = Event(
    "consumer.not-closed-cleanly", ERROR, "%(consumer)s has stopped, but not all is done: %(reason)s"
)

# ---- a message -----------------------------------------------------------------------------------------------------

MESSAGE_FAILED = Event("message.failed", ERROR, "'%(consumer)s failed'%(on)s %(place)s%(follows)s")
MESSAGE_RETRIED = Event("message.retried", WARNING, "'%(consumer)s failed'%(on)s %(place)s%(follows)s. %(reason)s")
MESSAGE_IS_ERROR = Event(
    "message.is-error", ERROR, "'%(consumer)s failed'%(on)s %(place)s\nMessage error: '%(error)s'"
)
MODEL_MESSAGES_NOT_COPIED = Event(
    "model.not-copied",
    INFO,
    "Messages of '%(topic)s' for %(model)s are not copied by the engine, but written by Python, which is slower: "
    "%(reason)s.",
)
MODEL_MESSAGE_PASSED_OVER = Event("message.passed-over", DEBUG, "%(message)s changes no row: %(what)s.")
FAILURES_NOT_LOGGED = Event(
    "message.failures-not-logged",
    ERROR,
    "%(consumer)s: %(count)d more messages of '%(topic)s' failed at the same place within %(seconds).1f s, "
    "the last at partition=%(partition)s offset=%(offset)s. %(reason)s",
)
PARTITION_PAUSED = Event(
    "message.partition-paused",
    ERROR,
    "%(message)s: the partition is paused until this message succeeds; next try in %(delay)g s. %(reason)s",
)
PARTITION_REVOKED = Event(
    "message.partition-revoked",
    INFO,
    "%(message)s: its partition was revoked in the meantime; the message will be redelivered.",
)
BATCH_HALVED = Event(
    "message.batch-halved",
    WARNING,
    "%(consumer)s: %(count)d messages of '%(topic)s', the first at partition=%(partition)s offset=%(offset)s, "
    "could not be handled together; they are tried in halves. %(reason)s",
)
CLAIM_REVOKED = Event(
    "message.claim-revoked",
    INFO,
    "A partition of '%(topic)s' was revoked while %(count)d messages were handled: their transaction is rolled back, "
    "and the messages will be redelivered.",
)
OFFSET_MOVED = Event(
    "offset.moved",
    WARNING,
    "%(consumer)s: the stored offset of '%(topic)s' partition=%(partition)s (group %(group)s) is %(offset)s, not "
    "where this consumer is. It goes on from there.",
)
OFFSET_NOT_READ = Event(
    "offset.not-read",
    WARNING,
    "%(consumer)s: the stored offset of '%(topic)s' partition=%(partition)s cannot be read: %(reason)s. "
    "It will be looked up when there are messages.",
)
OUTCOME_IGNORED = Event(
    "message.outcome-ignored",
    WARNING,
    "%(message)s: %(ignored)s is ignored, because the message already has an outcome: %(outcome)s.",
)
RESULT_IGNORED = Event(
    "message.result-ignored",
    WARNING,
    "consume() of topic %(topic)s returned %(result)s (message at partition %(partition)s, offset %(offset)s). "
    "It should return None: the value is ignored, and the message is finished. "
    "To report a failure, raise an exception.",
)
HANDLER_SLOW = Event(
    "message.handler-slow",
    WARNING,
    "A handler has been running for %(seconds).0f s (topic=%(topic)s partition=%(partition)s offset=%(offset)s). "
    "The consumer keeps its partitions.",
)

# ---- copies of failed messages -------------------------------------------------------------------------------------

COPY_REFUSED = Event(
    "copy.refused",
    ERROR,
    "%(consumer)s: the %(copy)s was not accepted: %(reason)s. "
    "The partition is paused; the message will be retried in %(delay).1f s.",
)
COPIES_NOT_CONFIRMED = Event(
    "copy.not-confirmed",
    ERROR,
    "%(consumer)s: %(count)d copies of failed messages are not confirmed. "
    "Their messages are not committed; they will be redelivered.",
)
FAILURE_TOPIC_CREATED = Event("failure-topic.created", INFO, "Created topic '%(topic)s'.")
FAILURE_TOPIC_NOT_CREATED = Event(
    "failure-topic.not-created", WARNING, "The topic '%(topic)s' does not exist and cannot be created: %(reason)s"
)
REPLAY_FAILED = Event("replay.failed", DEBUG, "The handler failed when %(letter)s was replayed.")

# ---- clients -------------------------------------------------------------------------------------------------------

CLIENT_ERROR = Event("client.error", WARNING, "Kafka client error: %(text)s")
PRODUCER_WITHOUT_BROKERS = Event(
    "producer.without-brokers",
    WARNING,
    "Messages cannot be delivered, and will be given up: %(reason)s.",
)
CALLBACK_FAILED = Event("producer.callback-failed", ERROR, "A callback of the producer has raised.")
PRODUCER_FAILED = Event(
    "producer.failed",
    ERROR,
    "The producer has failed for good: %(error)s. Another one takes its place; what it had taken and could not "
    "deliver is reported.",
)
PRODUCER_NOT_FLUSHED = Event(
    "producer.not-flushed", ERROR, "%(count)d messages could not be delivered within %(seconds).3g s."
)

# ---- processes -----------------------------------------------------------------------------------------------------

NOTHING_TO_RUN = Event("processes.nothing-to-run", INFO, "There is no consumer to run.")
NOTHING_REGISTERED = Event(
    "processes.nothing-registered", DEBUG, "No consumer is registered: there is nothing to run."
)
NOT_STARTED_WITHOUT_TOPICS = Event(
    "processes.not-started-without-topics",
    WARNING,
    "Consumer %(consumer)s has no topics, so it is not started.",
)
CANNOT_START = Event("process.cannot-start", ERROR, "Consumer %(consumer)s cannot start: %(reason)s")
PROCESS_STARTED = Event("process.started", INFO, "%(process)s started, pid %(pid)s.")
PROCESS_STOPPED = Event("process.stopped", INFO, "%(process)s (pid %(pid)s) stopped.")
PROCESS_DIED_STOPPING_OTHERS = Event(
    "process.died-stopping-others",
    ERROR,
    "%(process)s (pid %(pid)s) died: %(reason)s. Stopping the others, as --exit-on-failure says.",
)
PROCESS_MISCONFIGURED = Event(
    "process.misconfigured",
    ERROR,
    "%(process)s (pid %(pid)s) cannot run with its configuration; it is not started again.",
)
PROCESS_RESTARTS = Event("process.restarts", ERROR, "%(process)s %(reason)s. It is started again in %(delay)g s.")
PROCESS_STOPPED_BADLY = Event(
    "process.stopped-badly", ERROR, "%(process)s (pid %(pid)s) did not stop cleanly: %(reason)s."
)
PROCESS_FAILED = Event("process.failed", ERROR, "%(process)s failed.")
STOP_ASKED = Event(
    "processes.stop-asked", INFO, "%(signal)s: asking %(processes)s to stop; a second signal ends at once."
)
STOP_FORCED = Event(
    "processes.stop-forced",
    WARNING,
    "%(signal)s again: ending %(processes)s at once. The messages in hand will be redelivered.",
)
GRACE_EXCEEDED = Event(
    "processes.grace-exceeded",
    ERROR,
    "Not stopped within the grace period of %(seconds)g s: %(processes)s, killed now. "
    "The messages in hand were not counted as handled and will be redelivered.",
)
STOP_NOT_PASSED_ON = Event("process.stop-not-passed-on", ERROR, "The request to stop could not be passed on.")
SUPERVISOR_GONE = Event("process.supervisor-gone", WARNING, "The supervisor of %(process)s is gone; stopping.")
