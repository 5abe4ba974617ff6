# SPDX-License-Identifier: MIT
"""The consumer class: configuration, what happens to messages, and the methods a project may override.

The loop itself is in loop.py. It calls poll(), process_message(), consume(), get_topic() and commit_offset() per
message only if a subclass overrides one of them (plan.py). The methods for failures are called with each failure.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import re
import string
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from django.utils import timezone

import django_kafka.dead_letter.topic
import django_kafka.retry.topic
from django_kafka._native import ConfigError
from django_kafka._native import Consumer as ConfluentConsumer
from django_kafka._native import Consumer as NativeConsumer
from django_kafka.conf import SETTINGS_KEY, Setting, settings, written_where
from django_kafka.consumer import database
from django_kafka.consumer.delivery import NOT_DONE, InHand, Note, Outcome
from django_kafka.consumer.failure_log import FailureLog
from django_kafka.consumer.loop import Loop
from django_kafka.consumer.managers import Backoff, PauseManager, RetryManager
from django_kafka.consumer.plan import Plan, make_plan, own
from django_kafka.consumer.topics import Topics
from django_kafka.copies import Copies
from django_kafka.exceptions import (
    ConfigurationError,
    DjangoKafkaError,
    HandlerResultError,
    UnavailableError,
    is_failure,
)
from django_kafka.producer import make_error_handler
from django_kafka.utils.logs import safely
from django_kafka.utils.moments import seconds_until
from django_kafka.utils.tracebacks import QuickTracebacks, format_exception, text_of

if TYPE_CHECKING:
    from django_kafka.retry.settings import RetrySettings
    from django_kafka.topic import TopicConsumer

logging.getLogger(__name__).addFilter(QuickTracebacks())

_NEXT_LETTER = str.maketrans(
    string.ascii_letters, string.ascii_lowercase[1:] + "a" + string.ascii_uppercase[1:] + "A"
)

# How long a polled message that fails may wait for what earlier owners of its partition have noted, in seconds.
NOTED_TIMEOUT = 10.0


class Consumer:
    """A member of a consumer group: subclass it with `topics` and `config`, register it by `@kafka.consumers()`.

    Whatever is not defined here is the client's: assignment(), committed(), list_topics(), ..."""

    topics: Topics
    config: dict[str, Any]
    polling_freq: Setting[float] | float = Setting[float]("POLLING_FREQUENCY")
    default_logger: logging.Logger = logging.getLogger(__name__)
    default_error_handler: Setting[str] | str = Setting[str]("ERROR_HANDLER")
    # How long stop() waits for what the handlers and the failure handling have produced, in seconds.
    flush_timeout: float = 15.0

    def __init__(self) -> None:
        """Make the client. Errors: ConfigurationError names the wrong key and where it is set."""
        self.config = self.build_config()
        self._running = False
        self._hand: InHand | None = None
        self._retries = RetryManager()
        self._pauses = PauseManager()
        self._backoff = Backoff()
        self._consumer = self._make_client()
        self._copies = Copies(self._name())
        self._failures = FailureLog(lambda text: self.default_logger.error("%s: %s", self._name(), text))

    def __getattr__(self, name: str) -> Any:
        if name in ("_consumer", "topics", "config", "_hand"):
            where = f"{type(self).__module__}.{type(self).__name__}"
            raise AttributeError(f"{where} has no attribute {name!r}")
        return getattr(self._consumer, name)

    # ---- configuration ----

    @classmethod
    def build_config(cls) -> dict[str, Any]:
        """The client's configuration: settings first, then the class's `config`, later ones win."""
        return {
            "client.id": settings.CLIENT_ID,
            **settings.GLOBAL_CONFIG,
            **settings.CONSUMER_CONFIG,
            "logger": cls.default_logger,
            "error_cb": make_error_handler(cls.default_error_handler),
            **getattr(cls, "config", {}),
        }

    @property
    def group_id(self) -> str:
        group: str = self.config["group.id"]
        return group

    def _make_client(self) -> NativeConsumer:
        name = self._name()
        # Offsets move by outcomes alone, whatever the configuration says about storing them.
        config = {**self.config, "enable.auto.offset.store": False}
        options: dict[str, Any] = {}
        if is_false(config.get("enable.auto.commit")):
            options["commit_interval"] = 0.0  # as asked for: no timer; what is done is committed after each batch
        try:
            return ConfluentConsumer(config, **options)
        except ConfigError as error:
            hint = (
                ""
                if self.config.get("group.id")
                else (f"; set 'group.id' in {name}.config or in DJANGO_KAFKA['CONSUMER_CONFIG']")
            )
            text = f"{str(error).strip()}{self._written_where(error)}{hint}"
            raise ConfigurationError(f"The configuration of {name} is wrong: {text}") from error
        except TypeError as error:  # a callback that cannot be called, or the like
            raise ConfigurationError(f"The configuration of {name} is wrong: {error}.") from error

    def _written_where(self, error: Exception) -> str:
        names = [
            "GLOBAL_CONFIG",
            "CONSUMER_CONFIG",
            *(["RETRY_CONSUMER_CONFIG"] if hasattr(type(self), "origin") else ()),
        ]
        layers = [(f"{SETTINGS_KEY}['{name}']", getattr(settings, name)) for name in names]
        return written_where(error, [*layers, (f"{self._name()}.config", getattr(type(self), "config", {}))])

    # ---- the life of the consumer ----

    def subscribe(self, topics: Sequence[str] | None = None, **kwargs: Any) -> None:
        """Join the group for these topics, by default for the consumer's own. kwargs: as the client's subscribe()."""
        self._consumer.subscribe(topics=list(self.topics.names if topics is None else topics), **kwargs)

    def start(self, stop_event: Any = None) -> None:
        """Without an event: subscribe, which is what run() does first. With one (threading or multiprocessing): the
        whole loop, until the event is set."""
        if stop_event is None:
            hooks = {
                "on_assign": self._on_assign if self.topics.get_retryable(blocking=True) else None,
                "on_revoke": self._on_gone,
                "on_lost": self._on_gone,
            }
            # A class may override subscribe(self, topics), as the original's client has it, or subscribe(self).
            for arguments in ({"topics": self.topics.names, **hooks}, {"topics": self.topics.names}, {}):
                if _accepts(self.subscribe, arguments):
                    break
            self.subscribe(**arguments)
            return
        with Loop.stopped_by(stop_event, self):
            self._run(self.start)

    def run(self) -> None:
        """Handle messages until request_stop() or an error that is not a message's. Always ends with stop()."""
        self._run(self.start)

    def _run(self, begin: Any) -> None:
        if self._running:
            raise DjangoKafkaError(f"{type(self).__name__} is running already.")
        self._running = True
        try:
            if self.topics:
                begin()
                Loop(self).run()
            else:
                safely(self.default_logger.warning, "%s has no topics, there is nothing to consume.", self._name())
        except Exception as exc:
            safely(self.log_error, exc_info=exc)
            raise
        finally:
            self._running = False
            self.stop()

    def request_stop(self) -> None:
        """Ask run() to end after the message in hand. From any thread, and from a signal handler."""
        self._consumer.stop()

    def stop(self) -> None:
        """Wait for what was produced, commit what is done, leave the group."""
        try:
            self._copies.close(self.flush_timeout)
            self._failures.tell(everything=True)
            Loop.flush_producer(self.flush_timeout, self.default_logger)
        finally:
            self._consumer.close()  # whatever callables have raised: others wait for the partitions

    def plan(self) -> Plan:
        """Which way messages take through the loop, and why. `print(consumer.plan().explain())`."""
        return make_plan(self, isinstance(self._consumer, NativeConsumer))

    # ---- messages ----

    @own
    def poll(self) -> Any:
        """The next message, or None after polling_freq seconds without one, or when a paused partition may go on."""
        due = self._pauses.next_due()
        return self._consumer.poll(timeout=self.polling_freq if due is None else min(self.polling_freq, due))

    @own
    def get_topic(self, msg: Any) -> TopicConsumer:
        """Errors: TopicNotRegisteredError."""
        return self.topics.get(topic_name=msg.topic())

    @own
    def consume(self, msg: Any) -> bool | None:
        """Handle a message. False: do not count it as done (yet); None and True: it is done."""
        Loop.check_result(self.get_topic(msg).consume(msg), msg, self.default_logger)
        return True

    def handler_for(self, topic_name: str) -> Callable[[Any], Any]:
        """What the direct path calls with the messages of a topic. Errors: TopicNotRegisteredError."""
        return self.topics.get(topic_name=topic_name).consume

    def is_own_failure_topic(self, topic_name: str) -> bool:
        """Whether a pattern such as ^.* has brought in a retry or dead-letter topic of this very group, which is not
        meant by it unless it names the suffix."""
        retry, dead = re.escape(settings.RETRY_TOPIC_SUFFIX), re.escape(settings.DEAD_LETTER_TOPIC_SUFFIX)
        found = re.search(rf"^{re.escape(self.group_id)}\.(.+)\.({retry}(?=\.[0-9]+$)|{dead}$)", topic_name)
        if found is None:
            return False
        # Who names the suffix does not match the same name with another word in its place.
        other = topic_name[: found.start(2)] + found[2].translate(_NEXT_LETTER) + topic_name[found.end(2) :]
        # But who would go on to match the dead letters of dead letters does not mean those of this group.
        further = f"{self.group_id}.{topic_name}.{settings.DEAD_LETTER_TOPIC_SUFFIX}"
        matching = [topic for topic in self.topics if topic.matches(topic_name)]
        return bool(matching) and all(
            topic.is_regex() and (topic.matches(other) or (topic.matches(found[1]) and topic.matches(further)))
            for topic in matching
        )

    @own
    def process_message(self, msg: Any) -> None:
        """Handle a message and see to its outcome."""
        if msg.error():
            self.log_error(msg)
            return
        failed = False
        try:
            commit: Any = self.consume(msg)
            if commit is not None and not isinstance(commit, bool):
                Loop.check_result(commit, msg, self.default_logger)
                commit = True  # often it is what a topic's consume() has returned, which does not say that it failed
        except BaseException as exc:
            if not is_failure(exc):
                raise
            failed = True
            commit = self._on_failure(msg, exc)
        if commit is None or commit:
            self.commit_offset(msg)
        elif not failed and not self._is_held(msg):
            self.hold_partition(msg, HandlerResultError(NOT_DONE))

    @own
    def commit_offset(self, msg: Any) -> None:
        """Say that the message is done; the engine commits."""
        if self._hand is not None and self._hand.holds(msg):
            self._hand.done()
        else:
            with self._unless_gone(msg):
                self._consumer.store_offsets(msg)

    # ---- failures ----

    def _on_failure(self, msg: Any, exc: Exception) -> bool:
        """handle_exception(), and if that fails too the partition waits: nothing is skipped, nobody dies."""
        try:
            return bool(self.handle_exception(msg, exc))
        except Exception as error:
            if error is not exc:
                safely(self.log_error, msg, exc_info=exc)
            self.hold_partition(msg, error)
            return False
        finally:
            database.after_failure()

    def handle_exception(self, msg: Any, exc: Exception) -> bool:
        """Decide about a message whose handler failed. Returns whether the message is done."""
        if isinstance(exc, UnavailableError) or (database.is_outage(exc) and settings.DATABASE_ERRORS == "wait"):
            self.hold_partition(msg, exc)
            return False
        retried, blocking = self.retry_msg(msg, exc)
        if not retried:
            self.dead_letter_msg(msg, exc)
            safely(self.log_error, msg, exc_info=exc)
            return True
        return not blocking

    def hold_partition(self, msg: Any, reason: BaseException) -> None:
        """Pause the message's partition for a while that doubles up to a minute, and log why. The message comes
        again: it is not done, and has not used up a retry."""
        delay = self._backoff.next(msg)
        try:
            self.pause_partition(msg, timezone.now() + timedelta(seconds=delay))
        finally:
            safely(
                self.default_logger.error,
                "%s: the partition is paused until this message succeeds; next try in %g s. %s: %s",
                self._describe(msg),
                delay,
                type(reason).__name__,
                text_of(reason),
                exc_info=reason if reason.__traceback__ else None,
            )

    def _is_held(self, msg: Any) -> bool:
        """Whether the message comes again."""
        if self._hand is not None and self._hand.holds(msg):
            return self._hand.outcome is not Outcome.OPEN
        return self._pauses.holds(msg)

    def retry_msg(self, msg: Any, exc: Exception) -> tuple[bool, bool]:
        """Returns whether the message is tried again, and whether its partition waits for that."""
        rules = self.get_topic(msg).retry_settings
        if rules is None:
            return False, False
        if rules.blocking:
            return self.blocking_retry(rules, msg, exc), True
        return self.non_blocking_retry(rules, msg, exc), False

    def blocking_retry(self, retry_settings: RetrySettings, msg: Any, exc: Exception) -> bool:
        """Pause the partition until the message is due again, if the rules allow another try."""
        hand = self._hand if self._hand is not None and self._hand.holds(msg) else None
        if not self._retries.known(msg) and (noted := hand.noted if hand else self._noted(msg)) is not None:
            self._retries.set(msg, noted.attempts)
        attempt = self._retries.next(msg)
        if not retry_settings.should_retry(msg, attempt, exc):
            return False
        due = retry_settings.get_retry_time(attempt)
        if hand is not None:
            hand.note(Note(attempt, due))
        else:
            self._commit_note(msg, Note(attempt, due))
        self.pause_partition(msg, due)
        if retry_settings.log_every is None or retry_settings.should_log(attempt):
            safely(self.log_error, msg, exc_info=exc)
        return True

    def _commit_note(self, msg: Any, note: Note) -> None:
        """Of a message that was polled, and is not in the loop's hand: everything before it is done."""
        with self._unless_gone(msg):
            head = TopicPartition(msg.topic(), msg.partition(), msg.offset(), str(note))
            self._consumer.store_offsets(offsets=[head])

    def _noted(self, msg: Any) -> Note | None:
        """What was noted about a polled message by an earlier owner of its partition. Errors: KafkaException when the
        broker does not tell: then the message waits, nobody knows how often it has failed."""
        found = self._consumer.committed([TopicPartition(msg.topic(), msg.partition())], NOTED_TIMEOUT)
        return next((Note.read(head.metadata) for head in found if head.offset == msg.offset()), None)

    def non_blocking_retry(self, retry_settings: RetrySettings, msg: Any, exc: Exception) -> bool:
        """Put the message into the next retry topic, if the rules allow another try."""
        producer = django_kafka.retry.topic.RetryTopicProducer(
            retry_settings=retry_settings, group_id=self.group_id, msg=msg
        )
        producer.outbox = self._outbox_for(msg)
        retried = producer.retry(exc=exc)
        if retried and retry_settings.should_log(producer.retry_attempt):
            safely(self.log_error, msg, exc_info=exc)
        return retried

    def dead_letter_msg(self, msg: Any, exc: Exception) -> None:
        """Put the message into the dead-letter topic. It counts as done when the broker has confirmed the copy."""
        self._dead_letter(django_kafka.dead_letter.topic.DeadLetterTopicProducer, self.group_id, msg, exc)

    def _dead_letter(self, producer_cls: Any, group_id: str, msg: Any, exc: Exception) -> None:
        # Made and called as the original does it: projects have classes of their own in the place of this one.
        producer = producer_cls(group_id=group_id, msg=msg)
        producer.outbox = self._outbox_for(msg)
        producer.exception = exc
        producer.produce_for(header_summary=text_of(exc), header_detail=format_exception(exc))

    def _outbox_for(self, msg: Any) -> Any:
        """Where a copy of this message goes: with the loop's message the loop need not wait for the confirmation."""
        hand = self._hand if self._hand is not None and self._hand.holds(msg) else None
        return self._copies.slot(hand)

    def _chores(self) -> float | None:
        """What this kind of consumer has to do besides messages, called between them. Returns after how many seconds
        it wants to be called again, None for whenever."""
        return None

    # ---- partitions ----

    def pause_partition(self, msg: Any, until: datetime) -> None:
        """Hold the message's partition back until then; the message comes again."""
        if self._hand is not None and self._hand.holds(msg):
            self._hand.fail(seconds_until(until))
            return
        with self._unless_gone(msg):
            partition = self._pauses.get_msg_partition(msg)
            self._consumer.seek(partition)
            self._consumer.pause([partition])
            self._pauses.set(msg, until)

    @contextlib.contextmanager
    def _unless_gone(self, msg: Any) -> Iterator[None]:
        """What is said about a message whose partition was taken away meanwhile counts no longer: the message comes
        again, perhaps to another member."""
        try:
            yield
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError._STATE, KafkaError._UNKNOWN_PARTITION):
                raise
            text = "%s: its partition was taken away, it comes again."
            safely(self.default_logger.info, text, self._describe(msg))

    @own
    def resume_partitions(self) -> None:
        """Let partitions go on whose time has come."""
        for partition in self._pauses.pop_ready():
            self._consumer.resume([partition])

    def _on_assign(self, client: NativeConsumer, partitions: list[TopicPartition]) -> None:
        """Partitions came: one whose head waits for a retry has to wait here too."""
        for partition in partitions:
            note = Note.read(partition.metadata)
            if note is not None and seconds_until(note.due) > 0:
                self._pauses.hold(partition, note.due)
                client.pause([partition])

    def _on_gone(self, _client: Any, partitions: list[TopicPartition]) -> None:
        """Partitions were taken away; the engine has waited for the copies that were on their way."""
        self._retries.forget(partitions)
        self._pauses.forget(partitions)
        self._backoff.forget(partitions)

    # ---- logging ----

    def log_error(self, msg: Any = None, exc_info: Any = False) -> None:
        """One line at level ERROR, about a message or about the consumer. Of failures at the same place no more than
        FAILURE_LOG_LIMIT in a second; the others are counted and told together."""
        if msg is not None and isinstance(exc_info, BaseException) and not self._failures.admits(msg, exc_info):
            return
        text = f"'{self._name()} failed'" if msg is None else self._describe(msg)
        if msg is not None and msg.error():
            text = f"{text}\nMessage error: '{msg.error()}'"
        self.default_logger.error(text, exc_info=exc_info)

    @staticmethod
    def debug_log(description: str, msg: Any = None, partition: TopicPartition | None = None) -> None:
        """One line at level DEBUG, with the place of the message or partition."""
        if msg is not None:
            description = f"{description} {_place(msg)}"
        elif partition is not None:
            description = (
                f"{description} (topic={partition.topic} partition={partition.partition} offset={partition.offset})"
            )
        Consumer.default_logger.debug(description)

    def _name(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}"

    def _describe(self, msg: Any) -> str:
        """'<consumer> failed on '<topic class>' (topic=… partition=… offset=…)', with what of that is known."""
        try:
            topic = type(self.get_topic(msg))
        except Exception:  # an error event without a topic, or a topic of nobody: still worth a line
            return f"'{self._name()} failed' {_place(msg)}"
        return f"'{self._name()} failed' on '{topic.__module__}.{topic.__name__}' {_place(msg)}"


def _accepts(function: Callable[..., Any], arguments: dict[str, Any]) -> bool:
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError:
        return False
    return True


def _place(msg: Any) -> str:
    return f"(topic={msg.topic()} partition={msg.partition()} offset={msg.offset()})"


def is_false(value: Any) -> bool:
    """Whether a configuration value switches something off, in the spellings that librdkafka accepts."""
    return value is False or (isinstance(value, str) and value.strip().lower() in ("false", "f", "0", "no"))


__all__ = ["ConfluentConsumer", "Consumer", "Outcome", "is_false"]
