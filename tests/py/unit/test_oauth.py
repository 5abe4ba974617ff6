"""oauth_cb: a token when a client is made, and the next ones in the background. (tests/live/test_oauth.py has brokers
that ask for them.)"""

from __future__ import annotations

import contextlib
import gc
import logging
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from django_kafka import _native

from .conftest import until

OAUTH = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanisms": "OAUTHBEARER",
    "sasl.oauthbearer.config": "scope=x",
    "bootstrap.servers": "127.0.0.1:1",
    "log_level": 0,
    "error_cb": lambda error: None,
}
KINDS: dict[str, Callable[..., Any]] = {
    "producer": lambda config: _native.Producer({**OAUTH, **config}),
    "consumer": lambda config: _native.Consumer({**OAUTH, "group.id": "g", **config}),
}


class Boom(Exception):
    pass


def end(client: Any) -> None:
    """Nobody is there to say good-bye to."""
    with contextlib.suppress(KafkaException):
        client.close(0)


@pytest.fixture(params=sorted(KINDS))
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return KINDS[request.param]


def test_the_first_token_is_there_when_the_client_is(make: Callable[..., Any]) -> None:
    seen: list[tuple[str, threading.Thread]] = []

    def token(config: str) -> tuple[str, float, str, dict[str, str]]:
        seen.append((config, threading.current_thread()))
        return "token", time.time() + 1000, "principal", {"key": "value"}

    client = make({"oauth_cb": token})
    assert seen == [("scope=x", threading.current_thread())]
    end(client)


def test_the_next_ones_come_whatever_the_user_does(make: Callable[..., Any]) -> None:
    threads: list[int] = []

    def token(config: str) -> tuple[str, float]:
        threads.append(threading.get_ident())
        return "token", time.time() + 1.5

    client = make({"oauth_cb": token})
    until(lambda: len(threads) >= 3)  # nobody polls
    assert threads[0] == threading.get_ident()
    assert threading.get_ident() not in threads[1:]
    end(client)


def raising(config: str) -> Any:
    raise Boom("no token today")


@pytest.mark.parametrize(
    ("callable_", "error", "words"),
    [
        (raising, Boom, "no token today"),
        (lambda config: 5, TypeError, "oauth_cb"),
        (lambda config: ("token", "soon"), TypeError, "number"),
        (lambda config: ("token", float("nan")), ValueError, "seconds since 1970"),
        (lambda config: ("token", time.time() + 9, "me", {"a": 1}), TypeError, "extension"),
        (lambda config: ("token", 1.0), KafkaException, "unexpired token"),
        (lambda config: sys.exit(3), SystemExit, "3"),
    ],
)
def test_without_a_first_token_there_is_no_client(
    make: Callable[..., Any], callable_: Callable[..., Any], error: type[BaseException], words: str
) -> None:
    with pytest.raises(error, match=words):
        make({"oauth_cb": callable_})
    gc.collect()  # and no warning of one that was not closed


def test_a_callable_is_needed(make: Callable[..., Any]) -> None:
    with pytest.raises(_native.ConfigError, match=r'set "oauth_cb".*oidc') as raised:
        make({})
    assert raised.value.key == "sasl.mechanism"
    end(make({"enable.sasl.oauthbearer.unsecure.jwt": True}))
    end(make({"security.protocol": "PLAINTEXT", "oauth_cb": raising}))


def test_a_later_failure_is_told_and_tried_again(make: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    errors: list[KafkaError] = []
    calls: list[int] = []

    def token(config: str) -> tuple[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise Boom("no token today")
        return "token", time.time() + 1.5

    client = make({"oauth_cb": token, "error_cb": errors.append})

    def told() -> bool:
        client.poll(0.05)
        return any("no token today" in error.str() for error in errors)

    until(told)
    # The line is of the thread that asks for tokens.
    until(lambda: "oauth_cb failed: Boom: no token today" in [record.getMessage() for record in caplog.records])
    until(lambda: len(calls) >= 3)  # librdkafka asks again after ten seconds
    end(client)


def test_nothing_keeps_a_client_that_is_dropped(make: Callable[..., Any]) -> None:
    class Owner:
        def token(self, config: str) -> tuple[str, float]:
            return "token", time.time() + 1.5

    owner = Owner()
    owner.client = make({"oauth_cb": owner.token})  # type: ignore[attr-defined]
    end(owner.client)  # type: ignore[attr-defined]
    gone = weakref.ref(owner.client)  # type: ignore[attr-defined]
    del owner
    until(lambda: gc.collect() is not None and gone() is None)


def test_a_callable_may_end_its_client(make: Callable[..., Any]) -> None:
    closed = threading.Event()
    clients: list[Any] = []

    def token(config: str) -> tuple[str, float]:
        if clients:
            end(clients.pop())
            closed.set()
        return "token", time.time() + 1.5

    clients.append(make({"oauth_cb": token}))
    assert closed.wait(60)


END = """
import logging, os, threading, time
from django_kafka._native import Consumer, Producer
logging.basicConfig()
inside = threading.Event()
def token(config):
    if threading.current_thread() is not threading.main_thread():
        inside.set()
        {what}
    return "token", time.time() + 1.0
conf = {{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "oauth_cb": token,
        "bootstrap.servers": "127.0.0.1:1", "log_level": 0, "error_cb": lambda error: None}}
p, c = Producer(conf), Consumer({{**conf, "group.id": "g"}})
try:
    c.close(0)
except Exception:
    pass
inside.wait(60)
{then}
"""


@pytest.mark.parametrize(
    ("what", "then"),
    [
        ("pass", ""),
        ("time.sleep(0.3)", ""),
        ("pass", "pid = os.fork()\nif pid: print(os.waitpid(pid, 0)[1])\nelse: Producer(conf)"),
    ],
    ids=["waiting", "inside", "forked"],
)
def test_the_end_of_the_process(what: str, then: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", END.format(what=what, then=then)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("0\n" if "fork" in then else "")


def test_what_it_logs_goes_to_the_clients_logger(make: Callable[..., Any]) -> None:
    lines: list[str] = []
    calls: list[int] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.getLogger("own.tokens")
    logger.addHandler(Keep())

    def token(config: str) -> tuple[str, float]:
        calls.append(1)
        if len(calls) > 1:
            raise SystemExit("not from here")
        return "token", time.time() + 1.5

    client = make({"oauth_cb": token, "logger": logger})
    until(lambda: "oauth_cb failed: SystemExit: not from here" in lines)
    end(client)
