# SPDX-License-Identifier: MIT
"""A Kafka that takes unsecured JSON web tokens, and asks for new ones; and who gives out such tokens over HTTP."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from tests.live.servers.kafka import KafkaServer
from tests.live.servers.process import free_port

_SETTINGS = """\
listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{secured},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=OAUTHBEARER
connections.max.reauth.ms={reauth_ms}
listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config={login} required unsecuredLoginStringClaim_sub="admin";
"""
_LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


def _part(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def unsecured_token(life: float) -> tuple[str, float]:
    """A token and when it expires, as oauth_cb returns them. life: seconds."""
    now = time.time()
    claims: dict[str, object] = {"sub": "me", "iat": int(now) - 1, "exp": now + life, "scope": "x"}
    return f"{_part({'alg': 'none'})}.{_part(claims)}.", now + life


class OAuthKafka(KafkaServer):
    """Its ordinary address (`bootstrap`, `admin`) is for the test and asks for no token."""

    def __init__(self, reauth_seconds: float) -> None:
        """reauth_seconds: how long a connection may live until it shows another token."""
        super().__init__()
        self._secured = f"127.0.0.1:{free_port()}"
        text = _SETTINGS.format(
            plain=self.node.address,
            secured=self._secured,
            controller=f"127.0.0.1:{self.node.controller_port}",
            reauth_ms=int(reauth_seconds * 1000),
            login=_LOGIN,
        )
        config = self.node.folder / f"node{self.node.node_id}.properties"
        with config.open("a") as file:  # the last one of a name counts
            file.write(text)

    def client_config(self) -> dict[str, str]:
        return {
            "bootstrap.servers": self._secured,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
        }


class TokenEndpoint:
    """An OpenID provider's token endpoint (RFC 6749, client credentials)."""

    def __init__(self, life: float) -> None:
        """life: of its tokens (seconds)."""
        self.given = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                token, _ = unsecured_token(life)
                body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": int(life)}).encode()
                endpoint.given += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self) -> TokenEndpoint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
