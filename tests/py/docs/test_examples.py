# SPDX-License-Identifier: MIT
"""The examples of the documentation work: they are taken from its pages and run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import certifi
import pytest
from django.test import override_settings

import tests.django_project  # noqa: F401
from django_kafka._native import Producer
from django_kafka.checks import check_settings
from django_kafka.consumer import Topics
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic.json import JSONTopicConsumer

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOP = ROOT / "examples" / "shop"


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page."""
    return [textwrap.dedent(code) for code in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_is_valid(page: Path) -> None:
    for code in blocks(page, "python"):
        ast.parse(code)


def test_the_first_example_works(tmp_path: Path) -> None:
    """The README's consumer and its message, with the shop's models."""
    consumer, message = blocks(ROOT / "README.md", "python")[:2]
    program = f"""
import django
django.setup()
from django.core.management import call_command
from django_kafka.testing import kafka_broker, run_consumer_until
call_command("migrate", verbosity=0)
with kafka_broker(topics=["orders"]):
{textwrap.indent(consumer, "    ")}
{textwrap.indent(message, "    ")}
    run_consumer_until(ShopConsumer, lambda: Order.objects.filter(number=1, product="kettle").exists())
"""
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{SHOP}",
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"),
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_batch_example_works(tmp_path: Path) -> None:
    """Of the page on topics, with the shop's models: what is there is changed, what is new is added."""
    (example,) = (
        code for code in blocks(ROOT / "docs" / "topics-and-consumers.md", "python") if "bulk_create" in code
    )
    program = f"""
import django
django.setup()
from django.core.management import call_command
from django_kafka.consumer import Consumer, Topics
from django_kafka.testing import kafka_broker, run_consumer_until
call_command("migrate", verbosity=0)
{example}
class ShopConsumer(Consumer):
    topics = Topics(OrderBatches())
    config = {{"group.id": "shop", "auto.offset.reset": "earliest"}}

def order(number, product):
    return json.dumps({{"number": number, "product": product, "customer_id": 1, "cents": 100}})

Order.objects.create(number=1, product="cup", customer_id=1, cents=100)
with kafka_broker(topics=["orders"]) as broker:
    broker.produce("orders", order(1, "pot"), order(2, "jug"), order(1, "kettle"))
    run_consumer_until(ShopConsumer, lambda: Order.objects.filter(number=1, product="kettle").exists())
assert Order.objects.get(number=2).product == "jug"
"""
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{SHOP}",
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"),
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


LOGINS = [code for code in blocks(ROOT / "docs" / "production.md", "python") if "GLOBAL_CONFIG" in code]
# The examples' files are not here, and nobody is to be asked at their addresses.
ELSEWHERE = {
    "bootstrap.servers": "127.0.0.1:1",
    "ssl.ca.location": certifi.where(),
    "ssl.certificate.location": "",
    "ssl.key.location": "",
    "sasl.oauthbearer.token.endpoint.url": "https://127.0.0.1:1/token",
}


@pytest.mark.parametrize("example", LOGINS, ids=["scram", "certificates", "oidc", "oauth_cb"])
def test_logins_are_what_clients_take(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_SECRET"):
        monkeypatch.setenv(name, "x")
    names: dict[str, Any] = {}
    exec(example, names)
    config = {key: ELSEWHERE.get(key, value) for key, value in names["DJANGO_KAFKA"]["GLOBAL_CONFIG"].items()}
    config = {key: value for key, value in config.items() if value != ""}
    with override_settings(DJANGO_KAFKA={**names["DJANGO_KAFKA"], "GLOBAL_CONFIG": config}):
        assert check_settings() == []
    config |= {"log_level": 0, "error_cb": lambda error: None}
    producer = Producer(config)
    producer.close(0)


def test_the_probe_sees_a_consumer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that has nothing to do touches its file, and the probe's command is content with that."""
    page = ROOT / "docs" / "production.md"
    names: dict[str, Any] = {}
    exec(next(code for code in blocks(page, "python") if "resume_partitions" in code), names)
    names["ALIVE"] = tmp_path / "alive"
    command = re.search(r'command: \["sh", "-c", "(.*)"\]', blocks(page, "yaml")[0])
    assert command is not None
    probe = command[1].replace("\\", "").replace("/tmp/alive", str(names["ALIVE"]))

    class Nothing(JSONTopicConsumer):
        name = "nothing"

    class Watched(names["WatchedConsumer"]):
        topics = Topics(Nothing())
        config = {"group.id": "watched"}

    beat = names["ALIVE"] / "Watched.beat"
    with kafka_broker(topics=["nothing"]):
        run_consumer_until(Watched, beat.exists)
    assert subprocess.run(["sh", "-c", probe], check=False).returncode == 0
    os.utime(beat, (0, 0))
    assert subprocess.run(["sh", "-c", probe], check=False).returncode == 1
