# SPDX-License-Identifier: MIT
"""One Kafka for the whole run, and processes of a real Django project."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.clients import close_consumers
from tests.live.project.run import Worker
from tests.live.servers import (
    ConnectServer,
    CountingProxy,
    KafkaServer,
    PostgresServer,
    RegistryServer,
    connect,
    kafka,
    mariadb,
    postgres,
    registry,
)

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)


# psycopg2 sends no arrays.
@pytest.fixture(params=["arrays", "tables", "both"] if find_spec("psycopg") else ["tables"])
def copy_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How rows come to PostgreSQL. A test's batches are small, and would all be arrays; `both`: most are larger."""
    form: str = request.param
    if form != "arrays":
        monkeypatch.setattr("django_kafka.sync.copy.MOST_ROWS", 0 if form == "tables" else 2)
    return form


@pytest.fixture(scope="session")
def shared_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    """The broker of the run. Nobody stops it: tests that do take `own_kafka`."""
    if reason := kafka.available():
        pytest.skip(reason)
    server = KafkaServer()
    try:
        server.start()
        yield server
    finally:
        for path in server.close(keep_logs=request.session.testsfailed > 0):
            print(f"\nKafka's log: {path}")


@pytest.fixture
def broker(shared_kafka: KafkaServer) -> KafkaServer:
    return shared_kafka


@pytest.fixture
def own_kafka(request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    """A broker for this test alone, which may kill and restart it."""
    if reason := kafka.available():
        pytest.skip(reason)
    failed = request.session.testsfailed
    server = KafkaServer()
    try:
        server.start()
        yield server
    finally:
        for path in server.close(keep_logs=request.session.testsfailed > failed):
            print(f"\nKafka's log: {path}")


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL of the run."""
    if reason := postgres.available():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def source() -> Iterator[PostgresServer]:
    """A PostgreSQL of the module whose changes can be read."""
    if reason := postgres.available():
        pytest.skip(reason)
    with PostgresServer(options={"wal_level": "logical"}) as server:
        yield server


@pytest.fixture(scope="module")
def connect_server(request: pytest.FixtureRequest, shared_kafka: KafkaServer) -> Iterator[ConnectServer]:
    """A Kafka Connect of the module, which may stop and start it again."""
    if reason := connect.available():
        pytest.skip(reason)
    failed = request.session.testsfailed
    server = ConnectServer(shared_kafka.bootstrap)
    try:
        server.start()
        yield server
    finally:
        if path := server.close(keep_logs=request.session.testsfailed > failed):
            print(f"\nConnect's log: {path}")


@pytest.fixture(scope="module")
def maria() -> Iterator[str]:
    """The alias of a database of the project in a MariaDB of the module, with the tables of tests.synced."""
    if reason := mariadb.available():
        pytest.skip(reason)
    pymysql = pytest.importorskip("pymysql")
    pymysql.install_as_MySQLdb()
    from tests.live.model_tables import database  # it configures Django, which not every test wants
    from tests.synced.models import make_tables

    with mariadb.MariaServer() as server, database("maria", server.django_settings()) as alias:
        make_tables(alias)
        yield alias


@pytest.fixture(scope="session")
def shared_registry(request: pytest.FixtureRequest) -> Iterator[RegistryServer]:
    """The schema registry of the run. Nobody stops it: tests that do take `own_registry`."""
    yield from _registry(request)


@pytest.fixture
def own_registry(request: pytest.FixtureRequest) -> Iterator[RegistryServer]:
    """A schema registry for this test alone, which may stop and restart it."""
    yield from _registry(request)


def _registry(request: pytest.FixtureRequest) -> Iterator[RegistryServer]:
    if reason := registry.available():
        pytest.skip(reason)
    failed = request.session.testsfailed
    server = RegistryServer()
    try:
        server.start()
        yield server
    finally:
        if path := server.close(keep_logs=request.session.testsfailed > failed):
            print(f"\nThe registry's log: {path}")


@pytest.fixture
def proxy(shared_registry: RegistryServer) -> Iterator[CountingProxy]:
    """The registry of the run, through a proxy that counts what this test asks it."""
    with shared_registry.proxy() as counting:
        yield counting


@pytest.fixture(autouse=True)
def _no_consumer_left() -> Iterator[None]:
    yield
    close_consumers()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses, for topics and groups."""
    return f"{request.node.originalname.removeprefix('test_')[:60]}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start `kafka_consume` of tests/live/project as a process; those still running are killed at the end."""
    started: list[Worker] = []

    def start(**options: object) -> Worker:
        options.setdefault("ledger", tmp_path / "ledger.jsonl")
        options.setdefault("log", tmp_path / f"worker-{len(started)}.log")
        started.append(Worker(**options))  # type: ignore[arg-type]
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.kill_all()
