# SPDX-License-Identifier: MIT
"""Every setting, declared once: its name, default, kind, and what it is.

From here come the defaults, the system check of the values, and the tables in docs/settings.md, which
`tools/settings_table.py --fix` writes.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django_kafka.conf import kinds
from django_kafka.conf.kinds import Kind


@dataclass(frozen=True)
class Option:
    """text: what it is, in Markdown. shown: the default as the table has it, when it is not the value itself."""

    name: str
    default: Any
    kind: Kind
    text: str
    shown: str | None = None


# Below FAILURE_TOPICS: what to do when a retry or dead-letter topic does not exist.
FAILURE_TOPICS = (
    Option("create", True, kinds.BOOL, "whether a topic that does not exist is created"),
    Option("partitions", None, kinds.COUNT, "how many a new topic has; `None`: as many as the source topic"),
    Option("replication", None, kinds.COUNT, "how many replicas a new topic has; `None`: as the source topic"),
    Option("config", {}, kinds.DICT, "the configuration of a new topic, `retention.ms` for example"),
    Option("timeout", 30.0, kinds.SECONDS, "how long until an unconfirmed copy counts as failed"),
)

CLIENTS = (
    Option(
        "CLIENT_ID",
        f"{socket.gethostname()}-python",
        kinds.TEXT,
        "`client.id`, which the broker logs; `GLOBAL_CONFIG` and the two below can override it",
        "host name + `-python`",
    ),
    Option("GLOBAL_CONFIG", {}, kinds.DICT, "configuration of all clients, by librdkafka's names"),
    Option("PRODUCER_CONFIG", {}, kinds.DICT, "of producers; wins over `GLOBAL_CONFIG`"),
    Option(
        "CONSUMER_CONFIG",
        {},
        kinds.DICT,
        "of consumers; wins over `GLOBAL_CONFIG`, loses to the class's own `config`",
    ),
    Option(
        "POLLING_FREQUENCY",
        1,
        kinds.SECONDS,
        "maximum time to wait for messages; a message, a stop or a signal ends the wait at once",
    ),
    Option(
        "ERROR_HANDLER",
        "django_kafka.error_handlers.ClientErrorHandler",
        kinds.PATH,
        "class whose instance is called with each `KafkaError` of a client",
    ),
    Option(
        "NEW_PARTITIONS_FROM_BEGINNING",
        True,
        kinds.BOOL,
        "with `auto.offset.reset` at `latest`: a partition that a topic gets while it is consumed is read from its "
        "beginning, not from where it is when the group takes notice",
    ),
    Option(
        "EXIT_FLUSH_SECONDS",
        30,
        kinds.SECONDS_OR_ZERO,
        "how long the end of a process that has produced waits, at most, until all is delivered; in a consumer never "
        "longer than the stop may take",
    ),
)

FAILURES = (
    Option(
        "RETRY_SETTINGS",
        None,
        kinds.RETRY_RULES,
        "arguments of `kafka.retry(…)`, for topics without rules of their own: `max_retries`, `delay`, `backoff`, "
        "`include`, `exclude`, `blocking`, `log_every`, `max_delay`, `jitter`",
    ),
    Option(
        "RETRY_CONSUMER_CONFIG",
        {
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
            "topic.metadata.refresh.interval.ms": 10000,
        },
        kinds.DICT,
        "configuration of retry consumers, over the consumer's own",
    ),
    Option("RETRY_TOPIC_SUFFIX", "retry", kinds.SUFFIX, "retry topics are `<group id>.<topic>.retry.<n>`"),
    Option("DEAD_LETTER_TOPIC_SUFFIX", "dlt", kinds.SUFFIX, "the dead-letter topic is `<group id>.<topic>.dlt`"),
    Option(
        "FAILURE_TOPICS",
        {},
        kinds.mapping_of(FAILURE_TOPICS),
        "how retry and dead-letter topics are created, see [below](#failure_topics)",
    ),
    Option(
        "DATABASE_ERRORS",
        "wait",
        kinds.WAIT_OR_FAIL,
        'when a handler fails because the database is unavailable: `"wait"` until it is back, or `"fail"` as for '
        "any exception",
    ),
    Option(
        "FAILURE_LOG_LIMIT",
        10,
        kinds.COUNT,
        "how many failures at the same place are logged in full per second; one line sums up the others "
        "([retries](retries.md#what-is-logged)). `None`: all",
    ),
    Option(
        "SLOW_HANDLER_SECONDS",
        60,
        kinds.SECONDS_OR_NONE,
        "a handler that runs longer than this is logged with its message; `0` or `None`: never",
    ),
)

SERVICES = (
    Option(
        "SCHEMA_REGISTRY",
        {},
        kinds.DICT_OR_NONE,
        'configuration of confluent\'s `SchemaRegistryClient`, unchanged: `{"url": "http://…", …}`',
    ),
    Option(
        "AVRO_DEPTH",
        200,
        kinds.COUNT,
        "levels of records, arrays and maps that a value in Avro may have, read and written; at most 1024",
    ),
    Option("CONNECT_HOST", None, kinds.TEXT_OR_NONE, "URL of Kafka Connect's REST interface; several with commas"),
    Option("CONNECT_AUTH", None, kinds.AUTH, "`(user, password)` or a `requests.auth.AuthBase`"),
    Option(
        "CONNECT_RETRY",
        {
            "connect": 5,
            "read": 5,
            "status": 5,
            "backoff_factor": 0.5,
            "status_forcelist": [502, 503, 504],
        },
        kinds.DICT_OR_NONE,
        "arguments of urllib3's `Retry`",
    ),
    Option(
        "CONNECT_VERIFY",
        None,
        kinds.TEXT_OR_BOOL_OR_NONE,
        "the file of the CA that has signed the certificate of `CONNECT_HOST`; `False` accepts any",
    ),
    Option(
        "CONNECT_CERT",
        None,
        kinds.CERTIFICATE,
        "a client certificate: a file, or a pair of the files of certificate and key",
    ),
    Option("CONNECT_REQUESTS_TIMEOUT", 30, kinds.TIMEOUT, "how long a request may take"),
    Option(
        "CONNECTOR_NAME_PREFIX",
        "",
        kinds.TEXT_OR_NONE,
        "stands before the class name of connectors, with a dot between them",
    ),
)

# The tables of docs/settings.md by their headings.
SECTIONS: dict[str, tuple[Option, ...]] = {
    "Clients": CLIENTS,
    "Failures": FAILURES,
    "FAILURE_TOPICS": FAILURE_TOPICS,
    "Schema registry and Kafka Connect": SERVICES,
}

# Known from later versions of the original, so that a project's settings need no change. They have no effect.
_NONE = "has no effect"
LATER = (
    Option("REPRODUCER_CONFIG", {"namespace": None}, kinds.DICT, _NONE),
    Option("CONNECT_DATABASE", None, kinds.DICT_OR_NONE, _NONE),
    Option("TEMPORAL_TASK_QUEUE", "django-kafka", kinds.ANYTHING, _NONE),
    Option("RELATION_RESOLVER", "django_kafka.relations_resolver.resolver.RelationResolver", kinds.ANYTHING, _NONE),
    Option(
        "RELATION_RESOLVER_PROCESSOR",
        "django_kafka.relations_resolver.processor.model.ModelMessageProcessor",
        kinds.ANYTHING,
        _NONE,
    ),
    Option(
        "RELATION_RESOLVER_DAEMON",
        "django_kafka.relations_resolver.daemon.temporal.TemporalDaemon",
        kinds.ANYTHING,
        _NONE,
    ),
    Option("RELATION_RESOLVER_DAEMON_INTERVAL", timedelta(seconds=5), kinds.TIMEDELTA, _NONE),
    Option("RELATION_RESOLVER_DAEMON_BATCH_SIZE", None, kinds.ANYTHING, _NONE),
    Option("MODEL_SYNC_SOURCE_CONNECTOR", None, kinds.ANYTHING, _NONE),
    Option("MODEL_SYNC_TOPIC_PREFIX", None, kinds.ANYTHING, _NONE),
    Option("MODEL_SYNC_DB_SCHEMA", "public", kinds.ANYTHING, _NONE),
    Option("MODEL_SYNC_CONSUMER", None, kinds.ANYTHING, _NONE),
    Option("MODEL_SYNC_CONSUMER_GROUP", "django-kafka.model-sync", kinds.ANYTHING, _NONE),
    Option(
        "MODEL_SYNC_ENRICHER_CONSUMER",
        "django_kafka.models.model_sync.enricher.ModelSyncEnricherConsumer",
        kinds.ANYTHING,
        _NONE,
    ),
    Option("MODEL_SYNC_ENRICHER_GROUP", "django-kafka.model-sync-enricher", kinds.ANYTHING, _NONE),
)

OPTIONS: dict[str, Option] = {option.name: option for option in (*CLIENTS, *FAILURES, *SERVICES, *LATER)}
