# SPDX-License-Identifier: MIT
"""The loop of a consumer: batches from the engine, a handler per topic, an outcome per message.

A message counts as done when the batch moves on from it. An exception stops there: the failure handling says what
becomes of the message (InHand), and the batch goes on.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import django_kafka
from django_kafka._native import Stopped
from django_kafka.conf import settings
from django_kafka.consumer import database
from django_kafka.consumer.delivery import NOT_DONE, InHand, Outcome
from django_kafka.consumer.plan import Path, is_overridden
from django_kafka.consumer.watch import Watch
from django_kafka.exceptions import HandlerResultError, TopicNotRegisteredError, is_failure
from django_kafka.utils.logs import safely

if TYPE_CHECKING:
    from django_kafka._native import Batch
    from django_kafka.consumer.consumer import Consumer

Handler = Callable[[Any], Any]

# While copies of failed messages are on their way, the loop looks whether one was refused this often (seconds).
REFUSAL_INTERVAL = 0.02


class Loop:
    """One run of a consumer. Owned by the thread that runs it."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.client = consumer._consumer
        self.copies = consumer._copies
        self.logger = consumer.default_logger
        self.plan = consumer.plan()
        self._handlers: dict[str, Handler] = {}
        self._guarded: dict[str, Handler] = {}
        self._resumes = is_overridden(consumer, "resume_partitions")
        self._next_chores: float | None = None  # in so many seconds

    def run(self) -> None:
        """Until a stop is asked for. Errors: what the client raises, and what the error handler makes of events."""
        safely(self.logger.info, "%s starts: %s", self.consumer._name(), self.plan.explain())
        if self.plan.path is Path.POLL:
            self._run_polling()
            return
        walk = self._walk if self.plan.path is Path.DIRECT else self._walk_hooks
        with Watch(self.client, settings.SLOW_HANDLER_SECONDS, self.logger):
            while True:
                try:
                    batch = self.client.fetch(self._timeout())
                except Stopped:
                    return
                self._between()
                if batch is not None:
                    with batch:
                        walk(batch)
                    if database.in_use():
                        database.refresh()

    # ---- the direct path ----

    def _walk(self, batch: Batch) -> None:
        """Call the topics' handlers with the messages of a batch."""
        uses_database = database.in_use()
        if uses_database:
            database.refresh()
        handlers = self._guarded if uses_database else self._handlers
        while (name := batch.next_topic()) is not None:
            handle = handlers.get(name) or self._bind(name, handlers)
            going_on = False
            while not going_on:
                try:
                    for msg in batch:
                        if (result := handle(msg)) is not None:
                            self.check_result(result, msg, self.logger)
                    going_on = True
                except BaseException as exc:
                    if not is_failure(exc):
                        self._ended_by(batch.current, exc)
                        raise
                    self._failed(batch, exc)

    def _bind(self, name: str, handlers: dict[str, Handler]) -> Handler:
        """The handler for messages of this topic, remembered unless there is none."""
        if self.consumer.is_own_failure_topic(name):
            # A pattern such as ^.* matches the group's retry and dead-letter topics too. They are not for it.
            text = "%s passes over %s, which its own failures go to."
            safely(self.logger.warning, text, self.consumer._name(), name)
            handlers[name] = _ignore
            return _ignore
        try:
            handle = self.consumer.handler_for(name)
        except TopicNotRegisteredError as error:
            return _raiser(error)
        if handlers is self._guarded:
            handle = database.guard(handle)
        handlers[name] = handle
        return handle

    def _failed(self, batch: Batch, exc: Exception) -> None:
        """The handler of the message in hand raised: let the consumer say what becomes of it."""
        msg = batch.current
        if msg is None:
            raise exc  # not a message's failure
        consumer = self.consumer
        hand = consumer._hand = InHand(batch, msg)
        try:
            if consumer._on_failure(msg, exc):
                consumer.commit_offset(msg)
            self._settle(hand)
        finally:
            consumer._hand = None

    def _ended_by(self, msg: Any, exc: BaseException) -> None:
        """A handler ends the process (sys.exit(), say): name the message, which comes again."""
        if msg is not None and not isinstance(exc, KeyboardInterrupt):
            text = "%s: %s ends the consumer. The message is not done, it comes again."
            safely(self.logger.error, text, self.consumer._describe(msg), type(exc).__name__)

    # ---- the path of overridden methods ----

    def _walk_hooks(self, batch: Batch) -> None:
        """Call process_message() with the messages of a batch."""
        if database.in_use():
            database.refresh()
        process: Handler = self.consumer.process_message
        if database.in_use():
            process = database.guard(process)
        while (name := batch.next_topic()) is not None:
            skip = self.consumer.is_own_failure_topic(name)
            for msg in batch:
                if skip:
                    continue
                with self._in_hand(batch, msg) as hand:
                    try:
                        process(msg)
                    except BaseException as exc:
                        if not is_failure(exc):
                            self._ended_by(msg, exc)
                            raise
                        self._out_of_hooks(hand, exc)

    def _out_of_hooks(self, hand: InHand, exc: Exception) -> None:
        """An overridden method let an exception out. The message is not done unless it was said to be."""
        if hand.outcome is Outcome.OPEN:
            self.consumer.hold_partition(hand.msg, exc)
        else:
            safely(self.consumer.log_error, hand.msg, exc_info=exc)

    @contextlib.contextmanager
    def _in_hand(self, batch: Batch, msg: Any) -> Iterator[InHand]:
        hand = self.consumer._hand = InHand(batch, msg)
        try:
            yield hand
            self._settle(hand)
        finally:
            self.consumer._hand = None

    def _settle(self, hand: InHand) -> None:
        if hand.outcome is Outcome.OPEN:
            self.consumer.hold_partition(hand.msg, HandlerResultError(NOT_DONE))

    # ---- the path of an overridden poll() ----

    def _run_polling(self) -> None:
        """resume_partitions(), poll(), process_message(), as the original's loop."""
        consumer = self.consumer
        while getattr(self.client, "stopping", False) is not True:
            consumer.resume_partitions()
            try:
                msg = consumer.poll()
            except Stopped:
                return
            self.copies.poll()
            consumer._failures.tell()
            consumer._chores()
            if database.in_use():
                database.refresh()
            if msg is not None:
                self._process_polled(msg)

    def _process_polled(self, msg: Any) -> None:
        try:
            self.consumer.process_message(msg)
        except Stopped:
            raise
        except BaseException as exc:
            if not is_failure(exc):
                self._ended_by(msg, exc)
                raise
            if msg.error():  # nothing that could come again
                safely(self.consumer.log_error, msg, exc_info=exc)
            else:
                self.consumer.hold_partition(msg, exc)

    # ---- between batches ----

    def _between(self) -> None:
        """What is due besides messages."""
        self.copies.poll()
        self.consumer._failures.tell()
        self._next_chores = self.consumer._chores()
        if self._resumes or len(self.consumer._pauses):
            self.consumer.resume_partitions()

    def _timeout(self) -> float:
        """How long a fetch may wait."""
        timeout = float(self.consumer.polling_freq)
        if self.copies.busy:
            return min(timeout, REFUSAL_INTERVAL)
        due = self.consumer._pauses.next_due()
        return min(when for when in (timeout, due, self._next_chores) if when is not None)

    # ---- shared with the consumer class ----

    @staticmethod
    def check_result(result: Any, msg: Any, logger: logging.Logger) -> None:
        """Look at what a topic's consume() returned. Anything is accepted, as by the original, except what shows that
        the handler did not run. Errors: HandlerResultError."""
        if result is None or isinstance(result, bool):
            return
        if inspect.iscoroutine(result):
            result.close()  # or Python complains that nobody awaited it
        if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
            kind = "a generator (it contains yield)" if inspect.isgenerator(result) else "asynchronous"
            raise HandlerResultError(
                f"The handler of '{msg.topic()}' did not run: its consume() is {kind}. Write it as a plain method; "
                "asgiref.sync.async_to_sync runs asynchronous code from there."
            )
        if (msg.topic(), type(result)) not in _reported:
            _reported.add((msg.topic(), type(result)))
            safely(
                logger.warning,
                "consume() of topic %s returned %r (message at partition %s, offset %s). It should return None: "
                "that value is ignored, the message is done. To say that it failed, raise an exception.",
                msg.topic(),
                result,
                msg.partition(),
                msg.offset(),
            )

    @staticmethod
    @contextlib.contextmanager
    def stopped_by(event: Any, consumer: Consumer) -> Iterator[None]:
        """Ask the consumer to stop when the event (threading's or multiprocessing's) is set."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.is_set():
                if event.wait(0.2):
                    consumer.request_stop()
                    return

        thread = threading.Thread(target=watch, name="django-kafka-stop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @staticmethod
    def flush_producer(timeout: float, logger: logging.Logger) -> None:
        """Send what the handlers have produced by kafka.producer, if they have, before offsets are committed."""
        producer = django_kafka.kafka.__dict__.get("producer")
        if producer is None:
            return
        left = producer.flush(timeout)
        if isinstance(left, int) and left > 0:
            safely(logger.error, "%d produced messages could not be delivered within %s s.", left, timeout)


_reported: set[tuple[str | None, type]] = set()


def _ignore(_msg: Any) -> None:
    """The handler of messages that are nobody's business."""


def _raiser(error: Exception) -> Handler:
    def handle(_msg: Any) -> Any:
        raise error

    return handle
