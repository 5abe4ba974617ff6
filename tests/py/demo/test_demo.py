# SPDX-License-Identifier: MIT
"""The shop: `make demo`'s script, its tests, and the test helpers that they use."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHOP = ROOT / "examples" / "shop"
CATALOGUE = ROOT / "examples" / "catalogue"
ENV = {**os.environ, "PYTHONPATH": f"{ROOT}:{SHOP}", "DJANGO_SETTINGS_MODULE": "shop.settings"}


def run(*argv: str | Path, cwd: Path = SHOP, timeout: float = 150.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=cwd,
        env={**ENV, "DJANGO_SETTINGS_MODULE": f"{cwd.name}.settings"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, running, in a process group of its own."""
    running = subprocess.Popen(
        [sys.executable, SHOP / "demo.py", "--orders", "3000"],
        env={**ENV, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield running
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert running.stdout is not None
    running.stdout.close()


def test_demo_ends_well() -> None:
    started = time.monotonic()
    result = run("demo.py", "--orders", "500")
    assert result.returncode == 0, result.stdout + result.stderr
    assert time.monotonic() - started < 60
    assert re.search(r"produced +1,200 +1,200 +ok", result.stdout)
    assert re.search(r"consumed +1,200 +1,200 +ok", result.stdout)
    assert re.search(r"orders +500 +500 +ok", result.stdout)
    assert "WRONG" not in result.stdout
    assert "messages/s" in result.stdout
    assert "Try next" in result.stdout
    assert result.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "way"), [((), "copy"), (("--sqlite",), "bulk")])
def test_demo_of_the_catalogue(options: tuple[str, ...], way: str) -> None:
    result = run("demo.py", "--products", "3000", *options, cwd=CATALOGUE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"its way to write rows is {way}" in result.stdout
    assert re.search(r"messages +4,150 +4,150 +ok", result.stdout)
    assert re.search(r"products +2,850 +2,850 +ok", result.stdout)
    assert "WRONG" not in result.stdout
    assert result.stderr == ""


@pytest.mark.slow
def test_demo_on_a_terminal() -> None:
    """Bars are drawn in place there, and all output arrives."""
    leader, follower = pty.openpty()
    try:
        running = subprocess.Popen(
            [sys.executable, SHOP / "demo.py", "--orders", "200"], env=ENV, stdout=follower, stderr=follower
        )
        os.close(follower)
        output = b""
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            output += data
        assert running.wait(60) == 0, output
    finally:
        os.close(leader)
    assert b"\r  produced [" in output
    assert b"Try next" in output


@pytest.mark.slow
def test_interrupted_demo_leaves_nothing(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if "publisher" in line:
            break
    os.killpg(demo.pid, signal.SIGINT)
    output = demo.stdout.read()
    assert demo.wait(60) == 130, output
    end = time.monotonic() + 30
    while group_is_alive(demo.pid):
        assert time.monotonic() < end, "something of the demo still runs"
        time.sleep(0.02)
    assert not list(tmp_path.glob("shop-demo-*"))


def test_interruption_is_told_from_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even where code in C has made another error of the KeyboardInterrupt."""
    module = load_demo()
    before = signal.getsignal(signal.SIGINT)

    def run_interrupted(orders: int) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("expected something else") from None

    monkeypatch.setattr(module, "run", run_interrupted)
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    try:
        assert module.main() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Interrupted" in capsys.readouterr().err


def group_is_alive(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    return True


def test_wrong_result_fails(capsys: pytest.CaptureFixture[str]) -> None:
    module = load_demo()
    rows = [module.Row("produced", 10, 10, ""), module.Row("consumed", 10, 9, "committed")]
    assert module.report(rows, 1.0, 2.0) == 1
    captured = capsys.readouterr()
    assert "WRONG" in captured.out
    assert "not as expected: consumed" in captured.err
    assert module.report([module.Row("produced", 10, 10, ""), module.Row("consumed", 10, 10, "")], 1.0, 2.0) == 0


def load_demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shop_demo", SHOP / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("project", [SHOP, CATALOGUE])
def test_examples_have_all_their_migrations(project: Path) -> None:
    result = run("manage.py", "makemigrations", "--check", "--dry-run", cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr


def test_tests_of_the_shop() -> None:
    result = run("manage.py", "test")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Ran 2 tests" in result.stderr


@pytest.mark.slow
def test_pytest_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import django
import pytest
from django.conf import settings

def test_broker(kafka_broker):
    django.setup()
    from django_kafka import kafka
    from shop.models import Customer
    from shop.topics import CustomerTopic

    address = settings.DJANGO_KAFKA["GLOBAL_CONFIG"]["bootstrap.servers"]
    assert address == kafka_broker.bootstrap
    kafka_broker.create_topic("customers", 3)
    CustomerTopic().publish(Customer(number=1, name="Ada", city="Bonn"))
    first = kafka.producer
    assert first.flush(10) == 0
    kafka_broker.produce("customers", "x", None, key="k", headers={"h": b"1"}, partition=2, timestamp=1234)
    messages = kafka_broker.collect("customers", 3)
    assert {(one.key(), one.value()) for one in messages if one.key() == b"k"} == {(b"k", b"x"), (b"k", None)}
    assert [one.partition() for one in messages if one.key() == b"k"] == [2, 2]
    assert messages[-1].timestamp()[1] == 1234
    assert messages[-1].headers() == [("h", b"1")]
    with pytest.raises(AssertionError, match="3 messages, not 4"):
        kafka_broker.collect("customers", 4, timeout=2.0)
    assert len(kafka_broker.collect("customers")) == 3

def test_settings_are_back():
    assert settings.DJANGO_KAFKA["GLOBAL_CONFIG"]["bootstrap.servers"] == "127.0.0.1:9092"
"""
    )
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull]
    if not entry_points(group="pytest11", name="django_kafka"):
        options += ["-p", "django_kafka.testing.plugin"]  # a source tree that was not installed
    result = run("-m", "pytest", *options, tmp_path / "test_it.py")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_condition_that_stays_false(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        """
import time
import django
django.setup()
from django_kafka.testing import kafka_broker, run_consumer_until

with kafka_broker(topics=["customers", "orders"]):
    started = time.monotonic()
    try:
        run_consumer_until("shop.consumers.ShopConsumer", lambda: False, timeout=0.5)
    except AssertionError as error:
        print(error)
    print("quick" if time.monotonic() - started < 9 else "slow")
"""
    )
    result = run(tmp_path / "script.py")
    assert "ShopConsumer: the condition was not true within 0.5 s." in result.stdout, result.stderr
    assert "quick" in result.stdout
