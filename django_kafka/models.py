# SPDX-License-Identifier: MIT
"""Tables of the library. Only projects that use them need the migration."""

from __future__ import annotations

from django.db import models


class StoredOffset(models.Model):
    """How far a group has handled a partition, written in the transaction of what it has handled
    (`offsets_in_database` of a topic). One transaction at a time moves a row: who finds another offset than it
    expects is not the owner of the partition any more."""

    group = models.CharField(max_length=255)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    # Of the next message.
    offset = models.BigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("group", "topic", "partition"), name="django_kafka_storedoffset_place"),
        )

    def __str__(self) -> str:
        return f"{self.group}: {self.topic} [{self.partition}] at {self.offset}"


class DeletedRow(models.Model):
    """The version that a row of a KafkaConnectVersionedModel had when it was deleted: an event that is not newer does
    not bring it back. Rows that are older than what topics keep may go."""

    table = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    version = models.BigIntegerField()
    deleted_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("table", "key"), name="django_kafka_deletedrow_key"),)

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.version}"
