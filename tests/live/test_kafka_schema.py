# SPDX-License-Identifier: MIT
"""manage.py kafka_schema against a real schema registry."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
)
from django.core.management import CommandError, call_command
from django.db import models

from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.servers import CountingProxy, RegistryServer

from django_kafka.schema.avro import AvroSchema  # isort: skip  (Django is configured by in_process)
from django_kafka.topic.avro import AvroTopic


class Parcel(models.Model):
    sender = models.CharField(max_length=30)
    weight = models.DecimalField(max_digits=9, decimal_places=3)
    sent = models.DateTimeField(null=True)

    class Meta:
        app_label = "django_kafka"


class ParcelTopic(AvroTopic):
    name = "parcels"
    value_schema: Any = AvroSchema.from_model(Parcel).to_json()
    key_schema = AvroSchema.key_from_model(Parcel).to_json()


MODEL, TOPIC = "django_kafka.Parcel", f"{__name__}.ParcelTopic"


@pytest.fixture(autouse=True)
def _settings(proxy: CountingProxy) -> Iterator[None]:
    with django_kafka_settings("127.0.0.1:1", proxy.url):
        yield


@pytest.fixture
def client(shared_registry: RegistryServer) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": shared_registry.url})


def run(*arguments: str, differs: bool = False) -> str:
    """What the command prints, in a new process: without what an earlier one has learned. differs: and so it ends
    with exit code 1."""
    out = io.StringIO()
    with as_another_process(), pytest.raises(CommandError, match="differ") if differs else nullcontext():
        call_command("kafka_schema", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_a_schema_from_its_first_version_to_a_refused_one(
    client: SchemaRegistryClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParcelTopic, "name", name)
    subject = f"{name}-value"
    assert json.loads(run("show", TOPIC)) == json.loads(ParcelTopic.value_schema)
    assert "not in the registry yet" in run("diff", TOPIC, differs=True)
    assert "any schema may be registered" in run("check", TOPIC)

    first = run("register", TOPIC)
    assert f"{subject}: registered with id {client.get_latest_version(subject).schema_id}." in first
    assert run("register", TOPIC) == first  # the same schema is no new version
    assert client.get_versions(subject) == [1]
    assert "as version 1 in the registry" in run("diff", TOPIC)
    assert "compatible with the latest version" in run("check", TOPIC)

    client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD))
    more = AvroSchema.from_json(ParcelTopic.value_schema)
    monkeypatch.setattr(
        ParcelTopic, "value_schema", more.extend([{"name": "colour", "type": "string", "default": "red"}]).to_json()
    )
    assert "compatible" in run("check", TOPIC)
    difference = run("diff", TOPIC, differs=True)
    assert f"--- {subject} version 1" in difference
    assert '+      "name": "colour"' in difference
    run("register", TOPIC)
    assert client.get_versions(subject) == [1, 2]

    monkeypatch.setattr(
        ParcelTopic, "value_schema", more.extend([{"name": "size", "type": "string"}]).to_json()
    )  # no default: what is there cannot be read with it
    with pytest.raises(CommandError, match="1 of 1 schemas are not compatible"):
        run("check", TOPIC)
    with pytest.raises(CommandError):
        run("register", TOPIC)
    assert client.get_versions(subject) == [1, 2]


def test_keys_and_models(client: SchemaRegistryClient, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParcelTopic, "name", name)
    assert f"{name}-key: registered" in run("register", TOPIC, "--key")
    assert f"{name}: registered" in run("register", MODEL, "--subject", name, "--exclude", "sent")
    registered = json.loads(client.get_latest_version(name).schema.schema_str)
    assert [field["name"] for field in registered["fields"]] == ["id", "sender", "weight"]
    assert "as version 1" in run("diff", MODEL, "--subject", name, "--fields", "id,sender,weight")
    assert '+      "name": "sent"' in run("diff", MODEL, "--subject", name, differs=True)
    with pytest.raises(CommandError, match="--subject"):
        run("register", MODEL)


def test_a_schema_that_refers_to_another_one(
    client: SchemaRegistryClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = f"parcels{name.rsplit('-', 1)[1]}"
    money = {"type": "record", "name": "Money", "namespace": space, "fields": [{"name": "cents", "type": "long"}]}
    client.register_schema(f"{name}-money", Schema(json.dumps(money), "AVRO"))
    bill = {"type": "record", "name": "Bill", "fields": [{"name": "total", "type": f"{space}.Money"}]}
    reference = SchemaReference(f"{space}.Money", f"{name}-money", 1)
    monkeypatch.setattr(ParcelTopic, "name", name)
    monkeypatch.setattr(ParcelTopic, "value_schema", Schema(json.dumps(bill), "AVRO", [reference]))
    assert f"{name}-value: registered" in run("register", TOPIC)
    assert client.get_latest_version(f"{name}-value").schema.references[0].subject == f"{name}-money"
    # `check` is not asked: Apicurio looks for no references there.
    assert "as version 1" in run("diff", TOPIC)


def test_a_registry_that_is_not_there(proxy: CountingProxy) -> None:
    proxy.fail_with = 503
    with django_kafka_settings("127.0.0.1:1", proxy.url, max_retries=0):
        for action in ("diff", "check", "register"):
            with pytest.raises(CommandError, match="does not answer"):
                run(action, TOPIC)
