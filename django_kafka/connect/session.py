# SPDX-License-Identifier: MIT
"""HTTP with Kafka Connect: its hosts, credentials, time-outs, and what is tried again.

Kafka Connect's REST interface: https://kafka.apache.org/documentation/#connect_rest"""

from __future__ import annotations

import time
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from django_kafka.exceptions import DjangoKafkaError

# The cluster is about to rebalance, or has only just taken a change: it asks to try again.
CONFLICT = 409


class KafkaConnectSession(requests.Session):
    """A session whose requests are paths on one of the hosts of a Connect cluster.

    Threads: as requests.Session, one at a time is safe; a thread of its own should have its own session."""

    # Pauses in seconds before a request is sent again that met a rebalance.
    conflict_pauses: ClassVar[tuple[float, ...]] = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0)

    def __init__(
        self,
        host: str,
        auth: Any = None,
        retry: dict[str, Any] | None = None,
        timeout: Any = None,
        verify: bool | str | None = None,
        cert: Any = None,
    ) -> None:
        """host: a URL, or several with commas between them, which are tried in turn.
        auth: (user, password) or a requests.auth.AuthBase. retry: arguments of urllib3's Retry.
        timeout: seconds, or a pair for connecting and reading. verify: the file of the CA, or False for none.
        cert: a client certificate's file, or a pair of certificate and key."""
        super().__init__()
        self.hosts = [part.strip().rstrip("/") for part in host.split(",") if part.strip()]
        if not self.hosts:
            raise DjangoKafkaError("CONNECT_HOST names no host.")
        for address in self.hosts:
            if not address.startswith(("http://", "https://")):
                raise DjangoKafkaError("CONNECT_HOST: each host must be a URL that begins with http:// or https://.")
        self.host = host
        self.auth = auth
        self.timeout = timeout
        self._tls = {"verify": verify, "cert": cert}
        if retry:
            self.mount_retry_adapter(retry)

    def mount_retry_adapter(self, retry: dict[str, Any]) -> None:
        """Try requests to the hosts again as urllib3's Retry with these arguments says."""
        adapter = HTTPAdapter(max_retries=Retry(**retry))
        for address in self.hosts:
            self.mount(address, adapter)

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request to the first host that can be reached. url: the path.

        Errors: those of requests, of the last host. What cannot be reached was not asked, so that asking another host
        does nothing twice; and each request of ours may be repeated."""
        kwargs.setdefault("timeout", self.timeout)
        for name, value in self._tls.items():
            if value is not None:
                kwargs.setdefault(name, value)
        # requests would make a GET of a PUT that is redirected, and take the answer for one to the PUT.
        kwargs.setdefault("allow_redirects", method.upper() in ("GET", "HEAD"))
        response = self._ask(method, url, *args, **kwargs)
        for pause in self.conflict_pauses:
            if response.status_code != CONFLICT:
                break
            time.sleep(pause)
            response = self._ask(method, url, *args, **kwargs)
        return response

    def _ask(self, method: str, path: str, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in self.hosts[1:]:
            try:
                return super().request(method, f"{self.hosts[0]}{path}", *args, **kwargs)
            except (requests.ConnectionError, requests.exceptions.RetryError):
                self.hosts.append(self.hosts.pop(0))  # the others first, next time too
        return super().request(method, f"{self.hosts[0]}{path}", *args, **kwargs)
