# SPDX-License-Identifier: MIT
"""A Kafka that knows who asks: users with passwords, who may do only what an ACL allows them."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from tests.live.servers.kafka import KafkaServer
from tests.live.servers.process import free_port

_SETTINGS = """\
listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{secured},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={login} required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
auto.create.topics.enable=false
"""


class SecuredKafka(KafkaServer):
    """Its ordinary address (`bootstrap`, `admin`) is for the test, which may do everything."""

    def __init__(self, users: Mapping[str, str]) -> None:
        """users: names and passwords."""
        super().__init__()
        self._users = dict(users)
        self._secured = f"127.0.0.1:{free_port()}"
        text = _SETTINGS.format(
            plain=self.node.address,
            secured=self._secured,
            controller=f"127.0.0.1:{self.node.controller_port}",
            login="org.apache.kafka.common.security.plain.PlainLoginModule",
            users=" ".join(f'user_{name}="{password}"' for name, password in users.items()),
        )
        config = self.node.folder / f"node{self.node.node_id}.properties"
        with config.open("a") as file:  # the last one of a name counts
            file.write(text)

    def client_config(self, user: str) -> dict[str, str]:
        return {
            "bootstrap.servers": self._secured,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self._users[user],
        }

    def allow(
        self, user: str, operation: AclOperation, kind: ResourceType, name: str, *, prefixed: bool = False
    ) -> None:
        """Let a user do something with the topic or group of this very name, or with those whose names begin so."""
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        binding = AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for future in self.admin.create_acls([binding]).values():
            future.result(60)
