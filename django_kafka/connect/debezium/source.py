# SPDX-License-Identifier: MIT
"""What Debezium's source connectors have in common: what becomes of a row's change, and what is left out."""

from __future__ import annotations

from typing import Any, ClassVar

from django_kafka.connect.debezium.common import SKIP_FIELD, DebeziumConnector
from django_kafka.connect.versions import has_version

# Heartbeats have no row, and not every table has the flag: both are kept.
_NOT_OWN = (
    f"valueSchema.field('after')?.schema()?.field('{SKIP_FIELD}') == null || "
    f"!(value.op == 'd' ? value.before : value.after)?.{SKIP_FIELD}"
)


class DebeziumSource(DebeziumConnector):
    """A source connector of tables of models."""

    # The new row alone; False: Debezium's envelope of old and new row.
    flatten: ClassVar[bool] = True
    # Whether changes with kafka_skip are left out, where a model has the flag. It needs Groovy on the worker.
    skip_own: ClassVar[bool] = True
    # Whether a deletion is, or ends with, a message without a value. False: a row with `__deleted` alone, which has
    # the version that a topic with `version_field` looks at. None: False if a model is a KafkaConnectVersionedModel.
    tombstones: ClassVar[bool | None] = None
    # A table for Debezium's signals, "public.debezium_signal".
    signal_table: ClassVar[str | None] = None
    heartbeat_ms: ClassVar[int] = 10_000

    def transforms(self) -> dict[str, Any]:
        skip = self.skip_own and self.has_skip_flag()
        tombstones = not any(map(has_version, self.model_classes())) if self.tombstones is None else self.tombstones
        return source_transforms(flatten=self.flatten, skip=skip, tombstones=tombstones)

    def has_skip_flag(self) -> bool:
        """Whether some model has the flag of KafkaConnectSkipModel."""
        return any(
            field.name == SKIP_FIELD for model in self.model_classes() for field in model._meta.concrete_fields
        )


def source_transforms(*, flatten: bool, skip: bool, tombstones: bool) -> dict[str, Any]:
    """Transformations of a source connector's messages.

    skip: leave out changes that came from Kafka. Kafka's own predicates cannot look into a value, so this is
    Debezium's Filter, which needs its scripting plug-in and Groovy on the worker. A tombstone that follows a deletion
    does not say whose it is and would pass: there is none then, the deletion itself is made one."""
    names = []
    options: dict[str, Any] = {} if tombstones and not skip else {"tombstones.on.delete": False}
    handling = "rewrite" if not tombstones else "delete-to-tombstone" if skip else "rewrite-with-tombstone"
    if skip:
        names.append("skip")
        options |= {
            "transforms.skip.type": "io.debezium.transforms.Filter",
            "transforms.skip.language": "jsr223.groovy",
            "transforms.skip.condition": _NOT_OWN,
        }
    if flatten:
        names.append("unwrap")
        options |= {
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": handling,
            "transforms.unwrap.add.fields": "op,source.ts_ms",
        }
    return {"transforms": ",".join(names), **options} if names else options
