# SPDX-License-Identifier: MIT
"""The consumer class: the methods that a project may override, and what they do unless it does.

The loop (loop.py) calls poll(), process_message(), consume(), get_topic() and commit_offset() per message only if a
subclass overrides one of them (plan.py). The methods for failures are called with each failure (failures/policy.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import django_kafka.dead_letter.topic
import django_kafka.retry.topic
from django_kafka import events
from django_kafka._native import Consumer as ConfluentConsumer
from django_kafka.conf import Setting
from django_kafka.consumer.client import build_config, call_subscribe, layers_of, make_client
from django_kafka.consumer.describe import describe, name_of
from django_kafka.consumer.loop import Loop
from django_kafka.consumer.member import Member
from django_kafka.consumer.offsets import stored_offsets_of
from django_kafka.consumer.plan import own
from django_kafka.consumer.reports import Reports
from django_kafka.consumer.results import check_result
from django_kafka.consumer.stopping import stopped_by
from django_kafka.consumer.subscription import patterns_named, subscribe
from django_kafka.consumer.transactions import handler_of
from django_kafka.exceptions import DjangoKafkaError, HandlerResultError, is_failure
from django_kafka.failures import blame, database
from django_kafka.failures.attempts import Note
from django_kafka.failures.names import is_brought_in_by_accident
from django_kafka.failures.policy import NOT_FINISHED, Policy
from django_kafka.logs.safely import safely
from django_kafka.logs.tracebacks import format_exception, format_quickly, text_of
from django_kafka.utils.moments import in_seconds

if TYPE_CHECKING:
    from django_kafka._native import _ConsumerClient
    from django_kafka.keywords import SubscribeOptions
    from django_kafka.retry.settings import RetrySettings
    from django_kafka.topic import TopicConsumer
    from django_kafka.utils.stop_time import TimeLeft
else:
    _ConsumerClient = object


class Consumer(Reports, _ConsumerClient):
    """A member of a consumer group: subclass it with `topics` and `config`, register it by `@kafka.consumers()`.

    Whatever is not defined here is the client's: assignment(), committed(), list_topics(), ..."""

    polling_freq: Setting[float] | float = Setting[float]("POLLING_FREQUENCY")
    default_error_handler: Setting[str] | str = Setting[str]("ERROR_HANDLER")
    # How long stop() waits for what the handlers and the failure handling have produced, in seconds.
    flush_timeout: float = 15.0
    # Why a message cannot be handled yet, if it cannot: asked for each message that is claimed with others.
    not_due: Callable[[Any], Exception | None] | None = None
    # Whether a message is none of this consumer's business, if it has to be asked: it is passed over.
    is_foreign: Callable[[Any], bool] | None = None
    # Seconds between two looks for topics that do not exist yet, or match a pattern.
    _search_pause: float = 5.0
    # The settings of which the client's configuration is made, below the class's own `config`.
    _config_settings: tuple[str, ...] = ("GLOBAL_CONFIG", "CONSUMER_CONFIG")

    def __init__(self) -> None:
        """Make the client. Errors: ConfigurationError names the wrong key and where it is set."""
        self.config = self.build_config()
        self._running = self._starting = False
        format_quickly(self.default_logger)
        name = name_of(type(self))
        layers = layers_of(type(self), name, *self._config_settings)
        self._consumer = make_client(ConfluentConsumer, self.config, name, layers)
        self._member = Member(self._consumer, name, self.config, self.default_logger, partial(describe, self))
        self._member.offsets = stored_offsets_of(self, name)
        self._policy = Policy(self, self._member)
        if self._member.is_native:
            self._member.watch(getattr(self, "topics", ()), self.config, self._search_pause)
        self._retries, self._pauses = self._member.retries, self._member.pauses

    if not TYPE_CHECKING:  # who know the client's methods, and find those that are misspelt

        def __getattr__(self, name: str) -> Any:
            if name in ("_consumer", "_member", "_policy", "topics", "config"):
                raise AttributeError(f"{name_of(type(self))} has no attribute {name!r}")
            return getattr(self._consumer, name)

    @classmethod
    def build_config(cls) -> dict[str, Any]:
        """The client's configuration: settings first, then the class's `config`, later ones win."""
        return build_config(cls)

    @property
    def group_id(self) -> str:
        return str(self.config["group.id"])

    # ---- the life of the consumer ----

    def subscribe(self, topics: Sequence[str] | None = None, **kwargs: Unpack[SubscribeOptions]) -> None:
        """Join the group for these topics, by default for the consumer's own. kwargs: as the client's subscribe().

        Errors: ConfigurationError names the patterns that the client refuses."""
        names = list(self.topics.names if topics is None else topics)
        subscribe(self._consumer, names, self.config, **kwargs)

    def start(self, stop_event: Any = None) -> None:
        """What run() does, and until the event (of threading or multiprocessing) is set, if there is one. Called by
        run() it subscribes; by a run() of the project's own, too."""
        if self._starting or (stop_event is None and type(self).run is not Consumer.run):
            self._join()
        elif stop_event is None:
            self._run()
        else:
            with stopped_by(stop_event, self.request_stop):
                self._run()

    def _join(self) -> None:
        on_assign = self._member.on_assign if self._member.heeds_assignments(self.topics) else None
        on_gone = self._member.on_gone
        call_subscribe(self.subscribe, self.topics.names, on_assign=on_assign, on_revoke=on_gone, on_lost=on_gone)

    def run(self) -> None:
        """Handle messages until request_stop() or an error that is not a message's. Always ends with stop()."""
        self._run()

    def _run(self) -> None:
        if self._running:
            raise DjangoKafkaError(f"{type(self).__name__} is running already.")
        self._running = True
        try:
            if self.topics:
                self._starting = True
                self.start()
                self._starting = False
                self._tell_unmatched()
                with patterns_named(self.topics.names):
                    Loop(self, self._member, self._policy).run()
            else:
                events.CONSUMER_WITHOUT_TOPICS.tell(self.default_logger, consumer=name_of(type(self)))
        except Exception as exc:
            safely(self.log_error, exc_info=exc)
            raise
        finally:
            self._running = self._starting = False
            self.stop()

    def request_stop(self) -> None:
        """Ask run() to end after the message in hand. From any thread, and from a signal handler."""
        self._consumer.stop()

    def stop(self) -> None:
        """Wait for what was produced, commit what is finished, leave the group."""
        self._member.leave(self.flush_timeout)

    def stop_within(self, time_left: TimeLeft) -> None:
        """time_left: asked for how many seconds a stop may still take: what is left of a grace period, say."""
        self._member.time_left = time_left

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
        """Handle a message. False: do not count it as finished (yet); None and True: it is."""
        check_result(handler_of(self.get_topic(msg))(msg), msg, self.default_logger)
        database.require_ended()
        return True

    def handler_for(self, topic_name: str) -> Callable[[Any], Any]:
        """What the direct path calls with the messages of a topic. Errors: TopicNotRegisteredError."""
        return handler_of(self.topics.get(topic_name=topic_name))

    def is_own_failure_topic(self, topic_name: str) -> bool:
        """Whether a pattern such as ^.* has brought in a retry or dead-letter topic of this very group by
        accident."""
        return is_brought_in_by_accident(topic_name, self.group_id, self.topics)

    @own
    def process_message(self, msg: Any) -> None:
        """Handle a message and see to its outcome."""
        if msg.error():
            if not self._member.take_error(msg):
                self.log_error(msg)
            return
        failed = False
        try:
            commit: Any = self.consume(msg)
            if commit is not None and not isinstance(commit, bool):
                check_result(commit, msg, self.default_logger)
                commit = True  # often it is what a topic's consume() has returned, which does not say that it failed
        except BaseException as exc:
            if not is_failure(exc):
                raise
            failed = True
            commit = self._policy.ask(msg, exc)
        if commit is None or commit:
            self.commit_offset(msg)
        elif not failed and not self._member.delivery(msg).held:
            self.hold_partition(msg, HandlerResultError(NOT_FINISHED))

    @own
    def commit_offset(self, msg: Any) -> None:
        """Say that the message is finished; the engine commits."""
        self._member.delivery(msg).done()

    # ---- failures ----

    def handle_exception(self, msg: Any, exc: Exception) -> bool:
        """Decide about a message whose handler failed. Returns whether the message is finished."""
        if blame.is_nobodys(exc):
            self.hold_partition(msg, exc)
            return False
        retried, blocking = self.retry_msg(msg, exc)
        if not retried:
            self.dead_letter_msg(msg, exc)
            safely(self.log_error, msg, exc_info=exc)
            return True
        return not blocking

    def hold_partition(self, msg: Any, reason: BaseException) -> None:
        """Pause the message's partition for a while that doubles up to a minute, and log why. The message is not
        finished, and has not used up a retry."""
        delay = self._member.backoff.next(msg)
        try:
            self.pause_partition(msg, in_seconds(delay))
        finally:
            self._tell_of_hold(msg, delay, reason)

    def retry_msg(self, msg: Any, exc: Exception) -> tuple[bool, bool]:
        """Returns whether the message is retried, and whether its partition waits for that."""
        rules = self.get_topic(msg).retry_settings
        if rules is None:
            return False, False
        retry = self.blocking_retry if rules.blocking else self.non_blocking_retry
        return retry(rules, msg, exc), rules.blocking

    def blocking_retry(self, retry_settings: RetrySettings, msg: Any, exc: Exception) -> bool:
        """Pause the partition until the message is due again, if the rules allow another try."""
        attempt = self._member.count_failure(msg)
        story = self._member.story(msg)
        story.failed(attempt, retry_settings.max_retries)
        if not retry_settings.should_retry(msg, attempt, exc):
            return False
        due = retry_settings.get_retry_time(attempt)
        self._member.delivery(msg).note(Note(attempt, due))
        self.pause_partition(msg, due)
        story.retries(due)
        if retry_settings.log_every is None or retry_settings.should_log(attempt):
            safely(self.log_error, msg, exc_info=exc)
        return True

    def non_blocking_retry(self, retry_settings: RetrySettings, msg: Any, exc: Exception) -> bool:
        """Put the message into the next retry topic, if the rules allow another try."""
        make = django_kafka.retry.topic.RetryTopicProducer
        producer = make(retry_settings=retry_settings, group_id=self.group_id, msg=msg)
        return self._retry_in_topic(producer, retry_settings, msg, exc)

    def _retry_in_topic(self, producer: Any, retry_settings: RetrySettings, msg: Any, exc: Exception) -> bool:
        producer.target = self._member.delivery(msg)
        if not producer.retry(exc=exc):
            return False
        if retry_settings.should_log(producer.retry_attempt):
            safely(self.log_error, msg, exc_info=exc)
        elif retry_settings.log_every is None:
            safely(self._log_retry, msg, exc)
        return True

    def dead_letter_msg(self, msg: Any, exc: Exception) -> None:
        """Put the message into the dead-letter topic. It is finished when the broker has confirmed the copy."""
        self._dead_letter(django_kafka.dead_letter.topic.DeadLetterTopicProducer, self.group_id, msg, exc)

    def _dead_letter(self, producer_cls: Any, group_id: str, msg: Any, exc: Exception) -> None:
        # Made and called as the original does it: projects have classes of their own in the place of this one.
        producer = producer_cls(group_id=group_id, msg=msg)
        producer.target = self._member.delivery(msg)
        producer.exception = exc
        producer.produce_for(header_summary=text_of(exc), header_detail=format_exception(exc))

    # ---- partitions ----

    def pause_partition(self, msg: Any, until: datetime) -> None:
        """Hold the message's partition back until then; the message is not finished."""
        self._member.delivery(msg).fail(until)

    @own
    def resume_partitions(self) -> None:
        """Let partitions go on whose time has come."""
        self._member.resume_ready()
