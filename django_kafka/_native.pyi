"""The contract of the binding: everything the Python face may call in C, and nothing else.

Timeouts are seconds (float); None or -1 waits for ever. Errors are confluent_kafka's: KafkaException (its first
argument is a KafkaError), BufferError for a full queue, plus ValueError and TypeError for wrong arguments, and the
classes here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, final, overload, type_check_only

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.admin._metadata import ClusterMetadata

__version__: Final[str]

OFFSET_BEGINNING: Final[int]
OFFSET_END: Final[int]
OFFSET_STORED: Final[int]
OFFSET_INVALID: Final[int]
TIMESTAMP_NOT_AVAILABLE: Final[int]
TIMESTAMP_CREATE_TIME: Final[int]
TIMESTAMP_LOG_APPEND_TIME: Final[int]

def librdkafka_version() -> str: ...
def librdkafka_version_int() -> int: ...
def librdkafka_source() -> str:
    """Path of the shared object in use: confluent_kafka's, else the system's ("" when linked plainly)."""

class ConfigError(ValueError):
    """A configuration key or value is not acceptable; the text names it and says what to do."""

    key: str | None

class ForkedError(RuntimeError):
    """The handle was made before a fork(); make a new one in this process."""

class ConcurrentUse(RuntimeError):
    """Two threads in one consumer's fetch, poll or consume."""

class Stopped(Exception):
    """stop() was called while (or before) waiting for messages."""

# A list, tuple or dict. (A list of (str, bytes) is no list of (str, bytes | str) for type checkers, but a Sequence.)
_Headers = Sequence[tuple[str, bytes | str | None]] | Mapping[str, bytes | str | None] | None

# The base is for type checkers alone: what is written for confluent's messages takes these. isinstance() says no.
class Message(confluent_kafka.Message):
    """A message as confluent_kafka's Message. Those made by the engine borrow from their batch and make key, value
    and headers when first asked; detach() copies them so that the batch can go."""

    def __init__(
        self,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
        key: bytes | str | None = None,
        value: bytes | str | None = None,
        headers: _Headers = None,
        error: KafkaError | None = None,
        timestamp: tuple[int, int] | None = None,
        latency: float | None = None,
        leader_epoch: int | None = None,
        delivery_count: int | None = None,
    ) -> None:
        """Positional arguments are in the order of the confluent_kafka that is installed: before 2.16 topic, value,
        key, headers, error, partition, offset."""
    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...  # type: ignore[override]
    def timestamp(self) -> tuple[int, int]: ...
    def error(self) -> KafkaError | None: ...
    def latency(self) -> float | None: ...
    def leader_epoch(self) -> int | None: ...
    def set_key(self, key: Any) -> None: ...
    def set_value(self, value: Any) -> None: ...
    def set_headers(self, headers: Any) -> None: ...
    def set_topic(self, topic: str) -> None: ...
    def set_error(self, error: KafkaError | None) -> None: ...
    def detach(self) -> Message: ...
    def received(self) -> Message:
        """The message as it came, without what was set on it since; itself if it was made by hand or is detached."""
    def deserialized_key(self) -> Any: ...
    def deserialized_value(self) -> Any: ...
    def delivery_count(self) -> int | None: ...
    def __len__(self) -> int: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class Batch:
    """Messages that were fetched together. Walk it so:

        while (topic := batch.next_topic()) is not None:
            handle = handlers[topic]
            for msg in batch:       # ends where the topic changes, or a stop was asked
                handle(msg)

    Moving on from a message says that it is finished; fail() or defer() before moving on says otherwise. An exception
    out of the loop leaves the message in hand unfinished; call fail() and go on, or close().
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Message: ...
    def __iter__(self) -> Iterator[Message]: ...
    def __next__(self) -> Message: ...
    def next_topic(self) -> str | None: ...
    @property
    def current(self) -> Message | None:
        """The message in hand: handed out by the loop and not moved on from."""
    @property
    def full(self) -> bool:
        """Whether it has as many messages or bytes as a batch may have: there may be more to fetch."""
    def claim(self, most: int) -> Claim | None:
        """The next messages of the run that next_topic() has opened, so many at most, all in hand at once; None at
        the end of the run. The claim before has to be over."""
    def fail(self, delay: float) -> None:
        """The message in hand was not handled: after `delay` seconds it is handed out again, and those behind it on
        its partition."""
    def defer(self) -> Ticket:
        """The outcome of the message in hand is known later: call exactly one of the ticket's methods."""
    def note(self, text: str) -> None:
        """Remember a short text (an attempt count, say) with the message in hand until it is finished; it is
        committed as the metadata of its partition's offset, so that a restart or another member finds it."""
    @property
    def noted(self) -> str | None:
        """The note of the message in hand, also one that an earlier owner of the partition committed."""
    def close(self) -> None: ...
    def __enter__(self) -> Batch: ...
    def __exit__(self, *exc: object) -> None: ...

@final
class Claim(Sequence[Message]):
    """Messages of a batch that are in hand at once. A slice (of step 1) shares them and is used the same way; what is
    said of a message by a slice is said of it for all. Nothing counts as finished before done() or finish(). When the
    batch is closed, what has no outcome is handed out again; the messages stay readable."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Claim:
        """With another step than 1 it is a list."""
    def __iter__(self) -> Iterator[Message]: ...
    def done(self) -> None:
        """These messages are finished, those that have no outcome yet; whatever becomes of others."""
    def fail(self, index: int, delay: float) -> None:
        """This message was not handled: it, and those of its partition behind it that have no outcome, are
        handed out again after `delay` seconds."""
    def defer(self, index: int) -> Ticket:
        """The outcome of this message is known later: call exactly one of the ticket's methods."""
    def note(self, index: int, text: str) -> None:
        """Batch.note() for this message."""
    def noted(self, index: int) -> str | None: ...
    def rest(self) -> Claim:
        """Those of these messages that have no outcome yet; itself when that is all."""
    def finish(self) -> None:
        """The claim is over: what has no outcome is finished. Not of a slice."""
    def give_back(self, delay: float) -> None:
        """The claim is over: what has no outcome is handed out again after `delay` seconds. Not of a slice."""
    def behind(self, most: int) -> Claim | None:
        """The messages that follow in this batch, of the same topic and at most so many: to be read before they are
        in hand. Nothing can be said of them. None: there are none, or the claim is over."""
    @property
    def counts(self) -> bool:
        """Whether outcomes count: False when the claim is over, or one of its partitions was taken away."""
    def spans(self) -> list[tuple[str, int, int, int, int]]:
        """For each partition: topic, partition, index of its first message here, the offset of that one, and the
        offset behind its last one."""

@final
class Ticket:
    """The outcome of one message, still owed. A ticket that is dropped without an answer counts as rejected."""

    def resolve(self) -> None:
        """The message is finished. From any thread; a second answer is ignored."""
    def reject(self, delay: float) -> None:
        """It is not: it is handed out again after `delay` seconds."""
    @property
    def source(self) -> tuple[str, int, int, tuple[int, int]] | None:
        """Topic, partition, offset and timestamp() of the message; None once the ticket was answered."""

@type_check_only
class _ConsumerClient:
    """What django_kafka.consumer.Consumer passes on to its client."""

    def wake(self) -> None: ...
    @property
    def stopping(self) -> bool: ...
    def unsubscribe(self) -> None: ...
    def subscription(self) -> list[str]: ...
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def unassign(self) -> None: ...
    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def assignment(self) -> list[TopicPartition]: ...
    def pause(self, partitions: Sequence[TopicPartition]) -> None: ...
    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition) -> None: ...
    def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]: ...
    def committed(
        self, partitions: Sequence[TopicPartition], timeout: float | None = None
    ) -> list[TopicPartition]: ...
    def store_offsets(
        self, message: Message | None = None, offsets: Sequence[TopicPartition] | None = None
    ) -> None: ...
    def commit(
        self,
        message: Message | None = None,
        offsets: Sequence[TopicPartition] | None = None,
        asynchronous: bool = True,
    ) -> list[TopicPartition] | None:
        """Commit what is finished, or this message, or these offsets. Without arguments, what poll() and consume()
        have handed out counts as finished. The result of an asynchronous commit goes to on_commit."""
    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float | None = None, cached: bool = False
    ) -> tuple[int, int] | None: ...
    def offsets_for_times(
        self, partitions: Sequence[TopicPartition], timeout: float | None = None
    ) -> list[TopicPartition]: ...
    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ClusterMetadata: ...
    def cluster_id(self, timeout: float = -1) -> str | None: ...
    def memberid(self) -> str | None: ...
    def set_sasl_credentials(self, username: str, password: str) -> None: ...
    def counters(self) -> dict[str, Any]: ...
    def partition_counters(self) -> list[dict[str, Any]]:
        """Of each partition that is assigned: topic, partition, position (behind the message handed out last),
        committed, end (of the log), held, outstanding, paused, handled, failed. An offset that is not known is
        None."""
    def hold_commits(self, held: object) -> None:
        """While held, nothing is committed but by commit(): not from time to time, not when partitions are revoked,
        not by close(). For callers whose output is not delivered yet."""
    def close(self, timeout: float | None = None) -> None:
        """Commit what is finished and leave the group. What poll() or consume() handed out last is not finished by
        this (the caller may be on the way out of an error): commit() first if it is."""

class Consumer(_ConsumerClient):
    """confluent_kafka's Consumer, with batches. `config` may hold its callables: error_cb, stats_cb, throttle_cb,
    oauth_cb, on_commit, logger. They run on the thread that is inside poll(), consume(), fetch() or close(), but for
    oauth_cb, which is called once by the constructor, and from then on by a thread of the client's own.

    on_rebalance is called with "assigned", "revoked" or "lost" and the partitions; nothing waits for it.
    on_partition_error is called in fetch() and close() with an error of a partition: error, topic, partition,
    offset. Without it error_cb gets the error."""

    def __init__(
        self,
        config: dict[str, Any],
        /,
        *,
        logger: logging.Logger | None = None,
        commit_interval: float | None = None,
        drain_timeout: float = 30.0,
        batch_max_messages: int = 1000,
        batch_max_bytes: int = 8388608,
    ) -> None:
        """commit_interval: seconds between commits of what is finished, 0 after each batch, negative never, None as
        enable.auto.commit and auto.commit.interval.ms say."""
    def fetch(self, timeout: float | None = None, max_messages: int = 0) -> Batch | None:
        """The next batch, or None when nothing came within timeout. Callbacks of waiting events run first; error
        events of single partitions or the group go to error_cb. Raises Stopped."""
    def poll(self, timeout: float | None = None) -> Message | None:
        """The next message, or None when nothing came within timeout. It is finished when the next one is asked for;
        with enable.auto.offset.store=false, by store_offsets(). Errors of partitions are messages with error()."""
    def consume(self, num_messages: int = 1, timeout: float | None = -1) -> list[Message]:
        """Up to num_messages messages; waits until timeout for all of them. They are finished as poll()'s are."""
    def stop(self) -> None:
        """Ask to end: fetch() and poll() raise Stopped, a batch ends after the message in hand. From any thread, and
        from a signal handler."""
    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Consumer, list[TopicPartition]], Any] | None = None,
        on_revoke: Callable[[Consumer, list[TopicPartition]], Any] | None = None,
        on_lost: Callable[[Consumer, list[TopicPartition]], Any] | None = None,
    ) -> None: ...
    def __enter__(self) -> Consumer: ...
    def __exit__(self, *exc: object) -> None: ...

@type_check_only
class _ProducerClient:
    """What django_kafka.producer.Producer passes on to its client."""

    def write(
        self,
        topic: str,
        value: Any,
        encoder: tuple[AvroSchema, bytes] | None = None,
        key: Any = None,
        key_encoder: tuple[AvroSchema, bytes] | None = None,
    ) -> None:
        """produce(topic, value, key), the two encoded if there are encoders, and poll(0)."""
    def forward(
        self, source: Batch | Claim | Ticket, topic: str, headers: _Headers = None, timestamp: int = 0
    ) -> None:
        """Queue a copy of the message in hand of a batch, of the only one of a claim, or of a ticket's: it is
        finished when the broker has confirmed the copy, without a further call. Key and value are the message's, as
        they were received."""
    @property
    def copies(self) -> int:
        """Copies that are not confirmed, or were refused and not dealt with."""
    def poll(self, timeout: float | None = None) -> int: ...
    def flush(self, timeout: float | None = None) -> int: ...
    def purge(self, in_queue: bool = True, in_flight: bool = True, blocking: bool = True) -> None: ...
    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ClusterMetadata: ...
    def create_topic(
        self,
        name: str,
        partitions: int = -1,
        replication: int = -1,
        config: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Make a topic; -1 is the broker's default. False: it was there, and nothing was compared."""
    def describe_topic(self, name: str, timeout: float | None = None) -> tuple[int, int] | None:
        """Partitions and replication factor, None if there is no such topic; this does not make it."""
    def set_sasl_credentials(self, username: str, password: str) -> None: ...
    def init_transactions(self, timeout: float | None = None) -> None: ...
    def begin_transaction(self) -> None: ...
    def commit_transaction(self, timeout: float | None = None) -> None: ...
    def abort_transaction(self, timeout: float | None = None) -> None: ...
    def counters(self) -> dict[str, int]: ...
    @classmethod
    def limit_exit_flush(cls, seconds: float) -> None:
        """How long the end of this process waits, at most, for what producers have queued: 30 seconds at first."""
    def cluster_id(self, timeout: float = -1) -> str | None: ...
    def close(self, timeout: float | None = None) -> bool:
        """Flush, then end. False: records are left, and the producer goes on."""

class Producer(_ProducerClient):
    """confluent_kafka's Producer. `config` may hold error_cb, stats_cb, throttle_cb, oauth_cb, on_delivery, logger;
    callbacks run on the thread that is inside poll(), flush() or a produce() that waits for room."""

    def __init__(
        self,
        config: dict[str, Any],
        /,
        *,
        logger: logging.Logger | None = None,
        max_block: float = 60.0,
        on_refused: Callable[[Ticket, KafkaError, str, list[tuple[str, bytes | None]]], Any] | None = None,
    ) -> None:
        """max_block: how long produce() waits for room in a full queue before it raises BufferError.
        on_refused: called with (ticket, error, topic, headers) for a copy of forward() that was not delivered.
        Without it the message is handed out again after a second."""
    def produce(
        self,
        topic: str,
        value: bytes | str | None = None,
        key: bytes | str | None = None,
        partition: int = -1,
        callback: Callable[[KafkaError | None, Message], Any] | None = None,
        on_delivery: Callable[[KafkaError | None, Message], Any] | None = None,
        timestamp: int = 0,
        headers: _Headers = None,
    ) -> None: ...
    def produce_batch(
        self,
        topic: str,
        messages: list[dict[str, Any]],
        partition: int = -1,
        on_delivery: Callable[[KafkaError | None, Message], Any] | None = None,
    ) -> int:
        """produce() for each dict of value, key, partition, timestamp and callback. One that is refused gets an
        `_error`. Returns how many were queued."""
    def produce_many(
        self,
        topic: str,
        values: Sequence[Any],
        keys: Sequence[Any] | None = None,
        *,
        partition: int = -1,
        timestamp: int = 0,
        headers: _Headers = None,
        on_delivery: Callable[[KafkaError | None, Message], Any] | None = None,
        value_encoder: tuple[AvroSchema, bytes] | None = None,
        key_encoder: tuple[AvroSchema, bytes] | None = None,
    ) -> int:
        """Returns how many were queued: all, unless it raises. What it raises because the queue stays full, or for a
        record that is too large, has the number of those before, which are sent, as `queued`. With encoders, a schema
        and the bytes in front of each value, values and keys may be whatever AvroSchema.encode() takes."""
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __enter__(self) -> Producer: ...
    def __exit__(self, *exc: object) -> None: ...

class Route:
    """Names and headers of the copies of a group's failed messages. The topic of a message may be a retry topic of
    the group; a message is any object with the methods of Message."""

    def __init__(self, group: str, retry_suffix: str, dead_suffix: str) -> None: ...
    def retry_topic(self, topic: str, again: bool = False) -> str:
        """Where a message of this topic waits for its next retry. again: use a retry topic again instead of the next.
        Raises ConfigError when no valid name can be made."""
    def dead_topic(self, topic: str) -> str:
        """Raises ConfigError when no valid name can be made."""
    def attempts(self, msg: Any) -> int:
        """How many retries the message has had."""
    def retry_headers(self, msg: Any, summary: str, attempt: int, due: float) -> list[tuple[str, bytes | None]]:
        """The message's own headers and those of a retry. due: seconds since 1970."""
    def dead_headers(
        self, msg: Any, summary: str, exception: str | None, detail: str | bytes
    ) -> list[tuple[str, bytes | None]]:
        """The message's own headers and those of a dead letter."""

class Broker:
    """The embedded development broker (librdkafka's mock cluster) on loopback ports. Memory only."""

    def __init__(self, nodes: int = 1) -> None: ...
    @property
    def bootstrap(self) -> str: ...
    def create_topic(self, name: str, partitions: int = 1) -> None: ...
    def push_errors(self, api_key: int, errors: Sequence[int]) -> None: ...
    def set_topic_error(self, topic: str, error: int) -> None: ...
    def set_down(self, node: int, down: bool = True) -> None: ...
    def set_rtt(self, node: int, rtt_ms: int) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Broker: ...
    def __exit__(self, *exc: object) -> None: ...

class SchemaError(ValueError):
    """A schema that is invalid, or two that do not go together: path is the field at fault."""

    path: str
    pos: int

class DecodeError(ValueError):
    """Bytes that are not a value of the schema: pos is the byte, path the field ("order.items[3].price")."""

    path: str
    pos: int

class EncodeError(ValueError):
    """A value that does not fit the schema: path is the field."""

    path: str
    pos: int

@final
class AvroSchema:
    """A compiled Avro schema. Values are those of fastavro. May be shared between threads."""

    def __init__(
        self, json: str, names: dict[str, str] | None = None, *, strict: bool = False, depth: int = 200
    ) -> None:
        """names: schemas that this one refers to, by full name, as JSON texts. strict also refuses what readers
        usually put up with (names that are no Avro names, defaults that do not fit). depth: levels of records, arrays
        and maps that a value may have, read and written; 1 to 1024. Raises SchemaError."""
    @classmethod
    def reader(cls, writer: AvroSchema, reader: AvroSchema) -> AvroSchema:
        """Decodes what was written with `writer`, whose `depth` counts, as `reader` has it. Raises SchemaError when
        no value can be."""
    def decode(self, data: bytes | bytearray | memoryview, start: int = 0, lazy: bool = False) -> Any:
        """The value in data[start:]; if lazy and a record, an AvroRecord. Raises DecodeError."""
    def encode(self, value: Any, prefix: bytes = b"") -> bytes:
        """prefix and the value's bytes. Raises EncodeError."""
    def encode_many(self, values: Sequence[Any], prefix: bytes = b"") -> list[bytes | None]:
        """What encode() gives for each value; None stays None."""
    def dump(self) -> str:
        """The compiled program, for people."""
    @property
    def name(self) -> str: ...
    @property
    def canonical(self) -> str:
        """The parsing canonical form."""
    @property
    def fingerprint(self) -> int:
        """CRC-64-AVRO of the canonical form."""

class AvroReader:
    """Decodes messages in Confluent's framing, of whatever schemas were added."""

    def __init__(self, lazy: bool = False) -> None: ...
    def add(self, id: int | bytes, schema: AvroSchema | None) -> None:
        """Messages with this id, or GUID of 16 bytes, are of this schema; None: they are bare bytes. Of more than
        1000 schemas those that were added first are forgotten."""
    def decode(self, data: bytes | bytearray | memoryview | None, header: bytes | None = None) -> Any:
        """header: the message header that names the schema, if there is one. None stays None. Raises KeyError (of the
        id or GUID) when the schema was not added, and DecodeError."""

class CopyPlan:
    """Makes rows for PostgreSQL's COPY (FORMAT binary) of the bytes of messages, without an object in between."""

    def __init__(
        self,
        columns: Sequence[tuple[str, str] | tuple[str, str, dict[str, Any]]],
        key: Sequence[str],
        *,
        key_in_value: bool = False,
        placeholder: str | None = None,
        deleted: str | None = None,
        odd_tombstones: bool = False,
        versioned: bool = False,
    ) -> None:
        """columns: (name of the field, type as "numeric(10,2)[]", options). Options: nullable; form ("base64", "hex")
        of texts that stand for bytes or an unscaled decimal, "document" for JSON whatever it is, "hstore" for maps
        that become hstore's text; unit ("millis", "micros", "nanos") of numbers that stand for times, else it is
        guessed; narrow: messages with what Python's types do not have (infinity, other years than 1 to 9999, 24:00),
        or in a form that not all write, are odd. key: names of the columns that are the
        key, which is read from the value if key_in_value, else from the message's key. placeholder: stands for a
        value that the source has not sent. deleted: the field that says so of a row. odd_tombstones:
        messages without a value are odd, else they delete. versioned: whoever writes the rows compares versions;
        deletions, and all messages of a key behind its first one, are odd. Raises ValueError."""
    @property
    def columns(self) -> tuple[str, ...]:
        """Names in the order of COPY's list of columns: those of the key first."""
    def add(self, side: str, id: int | bytes | None, schema: AvroSchema) -> str | None:
        """Keys or values (side: "key" or "value") with this id, or GUID of 16 bytes, are of this schema; id None: all
        are, without framing. Returns why they will all be odd (a column without a field), or None."""
    def add_json(
        self,
        side: str,
        id: int | bytes | None = None,
        connect: bool | None = None,
        ignored: Iterable[str] = (),
        refused: Iterable[str] = (),
        ignore_others: bool = False,
    ) -> None:
        """Keys or values are JSON: all of them (id None), or those with this id or GUID. An object, an envelope of
        Debezium's, or null; a key of one column also a single value. connect: whether they are in Connect's
        {"schema": ..., "payload": ...}; None: those that look so. A field that no column takes makes a message odd,
        unless it is ignored, begins with two underscores, or ignore_others is true and it is not refused; so does a
        column without its field."""
    def run(
        self,
        messages: Sequence[Any],
        start: int = 0,
        stop: int | None = None,
        result: CopyResult | None = None,
        stop_at_error: bool = False,
    ) -> CopyResult:
        """Makes rows of messages[start:stop]: of a Claim, Message objects or tuples (key, value). Stops at a schema
        that was not added, at a message that is not told apart from others and, if asked to, at an error. Goes on
        with an earlier result, if one is given. Runs without the GIL."""
    def ahead(self, messages: Claim) -> CopyAhead | None:
        """Begin to run what Claim.behind() gave on another thread, with stop_at_error. Until it is taken or dropped
        the plan is in use. None: there can be no thread."""

@final
class CopyAhead:
    """Messages that become rows before they are in hand. Owned by the thread that made it."""

    def take(self, messages: Sequence[Any]) -> CopyResult | None:
        """The result, if these are exactly its messages; waits for it. None: they are not. It is over then."""

@final
class CopyResult:
    """What came of messages: rows to be inserted or to replace those of their keys, and keys of rows to be deleted
    before that. The last row of each key counts; a key that was deleted and written again is in both."""

    @property
    def rows(self) -> int: ...
    @property
    def deletions(self) -> int: ...
    @property
    def block(self) -> memoryview:
        """The rows for COPY (FORMAT binary). Release it before the result is used again."""
    @property
    def deleted(self) -> memoryview:
        """The keys for COPY (FORMAT binary), of the key's columns alone."""
    def arrays(self) -> tuple[bytes, ...]:
        """The rows by columns: for each an array in PostgreSQL's binary form, a parameter of a statement.
        Raises ValueError when a column is an array itself."""
    def deleted_arrays(self) -> tuple[bytes, ...]:
        """The keys by columns, also."""
    @property
    def errors(self) -> list[tuple[int, str, str, str]]:
        """(index, field, text, status) of messages that can never pass: "ECOLUMN", "EAVRO", "EJSON", "EWIRE"."""
    @property
    def odd(self) -> list[tuple[int, str, str]]:
        """(index, field, reason) of messages that somebody else has to write, when this is written; all behind the
        first of a key are."""
    @property
    def stopped_at(self) -> int | None:
        """The message that it stopped at, which is not part of it."""
    @property
    def unknown(self) -> tuple[str, int | bytes] | None:
        """(side, id or GUID) of the schema that it stopped for."""
    @property
    def stray(self) -> str | None:
        """Why it stopped at a message whose key is not known: what is behind it may be of the same row."""
    def clear(self) -> None:
        """Forget all messages; the memory is kept."""

@final
class CopyStream:
    """What the memoryviews of a CopyResult look at."""

@final
class AvroMethod:
    """A topic's deserialize(self, value, field, headers=None) without a Python frame: what self._value_reader or
    self._key_reader, which are AvroReader then, know; function(self, …) does the rest."""

    def __init__(self, function: Callable[..., Any], key: Any, value: Any) -> None:
        """key, value: the `field` of keys and of values."""
    def __call__(self, topic: Any, value: Any, field: Any, headers: Any = None, **kwargs: Any) -> Any: ...
    def forget(self) -> None:
        """Look at the topic's attributes again: what the last topic's were is remembered."""

@final
class AvroRecord(Mapping[str, Any]):
    """A read-only view of a record that decodes a field when it is read, and only then finds out what is wrong with
    it."""

    def __getitem__(self, name: str) -> Any: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...

def wire_parse(value: bytes | bytearray | memoryview, header: bytes | None = None) -> tuple[int | bytes, int]:
    """Confluent's framing: (schema id, or the 16 bytes of its GUID; where the payload begins). header is the value of
    the message header that carries the identity, if there is one. Raises DecodeError."""

def wire_prefix(schema: int | bytes) -> bytes:
    """The bytes that carry a schema id, or a GUID of 16 bytes."""
