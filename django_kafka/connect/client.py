# SPDX-License-Identifier: MIT
"""A client of Kafka Connect's REST interface: each method is one request, and gives requests' Response."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from requests import Response

from django_kafka.connect.session import KafkaConnectSession
from django_kafka.exceptions import DjangoKafkaError

__all__ = ["KafkaConnectClient", "KafkaConnectSession"]


class KafkaConnectClient:
    """Errors of all methods: those of requests (ConnectionError, Timeout, RetryError). An answer that says no is no
    error here; its status and text are the caller's to read."""

    def __init__(
        self,
        host: str,
        auth: Any = None,
        retry: dict[str, Any] | None = None,
        timeout: Any = None,
        **tls: Any,
    ) -> None:
        """As KafkaConnectSession."""
        self._requests = KafkaConnectSession(host, auth, retry, timeout, **tls)

    def update_or_create(self, connector_name: str, config: dict[str, Any]) -> Response:
        """PUT /connectors/NAME/config: 200 changed, 201 created, 400 the worker refuses the configuration."""
        return self._requests.put(f"{_path(connector_name)}/config", json=config)

    def delete(self, connector_name: str) -> Response:
        """DELETE /connectors/NAME: 204, or 404 when there is none. Its offsets stay."""
        return self._requests.delete(_path(connector_name))

    def validate(self, config: dict[str, Any]) -> Response:
        """PUT /connector-plugins/CLASS/config/validate: 200 whether it is valid or not; the body counts the errors.

        Errors: DjangoKafkaError when the configuration names no class."""
        if "connector.class" not in config:
            raise DjangoKafkaError("'connector.class' config is required for validation.")
        plugin = str(config["connector.class"]).rpartition(".")[2]
        return self._requests.put(f"/connector-plugins/{quote(plugin, safe='')}/config/validate", json=config)

    def connector_status(self, connector_name: str) -> Response:
        """GET /connectors/NAME/status: the states of the connector and of its tasks; 404 when there is none, or not
        yet."""
        return self._requests.get(f"{_path(connector_name)}/status")

    def connectors(self) -> Response:
        """GET /connectors: the names of all connectors of the cluster."""
        return self._requests.get("/connectors")

    def connector_config(self, connector_name: str) -> Response:
        """GET /connectors/NAME/config: as it was published, references to config providers included."""
        return self._requests.get(f"{_path(connector_name)}/config")

    def restart(self, connector_name: str, *, only_failed: bool = True) -> Response:
        """POST /connectors/NAME/restart with the tasks: 202 or 204."""
        options = {"includeTasks": "true", "onlyFailed": str(only_failed).lower()}
        return self._requests.post(f"{_path(connector_name)}/restart", params=options)

    def pause(self, connector_name: str) -> Response:
        """PUT /connectors/NAME/pause: 202; tasks keep their resources."""
        return self._requests.put(f"{_path(connector_name)}/pause")

    def resume(self, connector_name: str) -> Response:
        """PUT /connectors/NAME/resume: 202, from paused or stopped."""
        return self._requests.put(f"{_path(connector_name)}/resume")

    def stop(self, connector_name: str) -> Response:
        """PUT /connectors/NAME/stop: 204; its tasks end, its configuration and offsets stay (Kafka 3.5)."""
        return self._requests.put(f"{_path(connector_name)}/stop")

    def offsets(self, connector_name: str) -> Response:
        """GET /connectors/NAME/offsets (Kafka 3.5)."""
        return self._requests.get(f"{_path(connector_name)}/offsets")

    def reset_offsets(self, connector_name: str) -> Response:
        """DELETE /connectors/NAME/offsets: 200; 400 unless the connector is stopped (Kafka 3.6)."""
        return self._requests.delete(f"{_path(connector_name)}/offsets")


def _path(connector_name: str) -> str:
    return f"/connectors/{quote(connector_name, safe='')}"
