# SPDX-License-Identifier: MIT
"""The ACLs of docs/production.md are enough: a user who has these and no others does everything that it lists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from django_kafka._native import Producer
from tests.live.project.run import Worker, read_lines
from tests.live.servers import kafka, wait_until
from tests.live.servers.process import ROOT
from tests.live.servers.secured import SecuredKafka

PAGE = ROOT / "docs" / "production.md"
FAILING = "tests.live.project.failing.consumers.Failing"
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "topics": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional": ResourceType.TRANSACTIONAL_ID,
}


def documented() -> Iterator[tuple[AclOperation, ResourceType, str, bool]]:
    """The rules of the page's table: operation, kind of resource, name, whether that is a prefix."""
    section = PAGE.read_text().split("\n## ACLs\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    for _, resource, name, operations in rows[2:]:
        kind, is_prefix = RESOURCES[resource.split()[0]], "prefix" in resource
        for operation in operations.split(","):
            yield AclOperation[operation.strip().upper()], kind, name.strip(" `"), is_prefix


@pytest.fixture
def secured() -> Iterator[SecuredKafka]:
    if reason := kafka.available():
        pytest.skip(reason)
    with SecuredKafka({"app": "secret"}) as broker:
        broker.create_topic("orders")
        for operation, resource, name, prefixed in documented():
            broker.allow("app", operation, resource, name, prefixed=prefixed)
        yield broker


def test_the_documented_rights_are_enough(
    secured: SecuredKafka, tmp_path: Path, worker: Callable[..., Worker]
) -> None:
    config = secured.client_config("app")
    with Producer(config) as producer:
        for number in range(10):
            headers = {"id": str(number), "fail": "-1" if number % 2 else "0"}
            producer.produce("orders", f"value {number}", "key", headers=headers)
        assert producer.flush(30) == 0
    running = worker(
        bootstrap=secured.bootstrap,
        group="shop",
        topics=["orders"],
        config={"auto.commit.interval.ms": 200},
        settings={"GLOBAL_CONFIG": config},
        consumers=[FAILING, f"{FAILING}.retry"],
        settings_module="tests.live.project.failing_settings",
        environment={"LIVE_RETRY": json.dumps({"max_retries": 1, "delay": 0.2, "blocking": False})},
    )
    wait_until(lambda: len(failures(running)) == 10, 90, "5 messages failed twice")
    assert running.stop() == 0, running.tail()
    assert "AUTHORIZATION" not in running.log.read_text()
    assert {"shop.orders.retry.1", "shop.orders.dlt"} <= set(secured.admin.list_topics(timeout=10).topics)

    def dead_letters(*arguments: str) -> str:
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.live.project.failing_settings",
            "LIVE_BOOTSTRAP": secured.bootstrap,
            "LIVE_GROUP": "shop",
            "LIVE_TOPICS": '["orders"]',
            "LIVE_LEDGER": str(tmp_path / "commands"),
            "LIVE_SETTINGS": json.dumps({"GLOBAL_CONFIG": config}),
        }
        command = [sys.executable, "-m", "django", "kafka_dead_letters", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=90, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert re.search(r"^shop\.orders\.dlt +5 +0 +5 ", dead_letters("list"), re.MULTILINE)
    assert dead_letters("show", "shop.orders.dlt").count("exception") == 5
    assert dead_letters("replay", "shop.orders.dlt").startswith("5 replayed, 0 not")
    assert dead_letters("purge", "shop.orders.dlt", "--yes").startswith("Deleted: 5 ")


def failures(running: Worker) -> list[dict[str, object]]:
    return [line for line in read_lines(running.ledger) if line["kind"] == "fail"]
