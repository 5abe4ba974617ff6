# SPDX-License-Identifier: MIT
"""Topics of Debezium's connectors whose messages are rows of a model, or of several ones."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any

from django_kafka.exceptions import DjangoKafkaError
from django_kafka.sync.target import target_of
from django_kafka.topic.model import ModelTopicConsumer


class DbzModelTopicConsumer(ModelTopicConsumer, ABC):
    """A topic of Debezium: the primary key is in the message's key. A topic of several tables (ByLogicalTableRouter)
    has a model for each in `reroute_model_map`, by the table's identifier in the key."""

    debezium = True
    key_first = True
    reroute_key_field_name: str = "__dbz__physicalTableIdentifier"
    reroute_model_map: dict[str, Any] | None = None

    def get_model(self, key: Any, value: Any) -> Any:
        """Errors: DjangoKafkaError for a table that the map does not have, and when there is no map."""
        if not isinstance(key, Mapping) or self.reroute_key_field_name not in key:
            return super().get_model(key, value)
        if not self.reroute_model_map:
            raise DjangoKafkaError(
                "To obtain the correct model, reroute_model_map must be set when "
                f"`{self.reroute_key_field_name}` is present in the message key"
            )
        table = key[self.reroute_key_field_name]
        if table not in self.reroute_model_map:
            raise DjangoKafkaError(f"Unrecognised rerouted topic `{table}`")
        return self.reroute_model_map[table]

    def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
        target = target_of(model)
        name = target.pk_in(key) if isinstance(key, Mapping) else None
        if name is not None:
            return {target.pk_name: key[name]}
        if isinstance(key, Mapping) and self.reroute_key_field_name in key:
            key = {name: item for name, item in key.items() if name != self.reroute_key_field_name}
        return super().get_lookup_kwargs(model, key, value)
