"""What needs a process of its own: which librdkafka, fork, signals, the end of the interpreter, leaks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_kafka import _native

ROOT = Path(__file__).parents[3]


def script(code: str, *arguments: str, timeout: float = 60, status: int = 0, options: tuple[str, ...] = ()) -> str:
    """Run Python code in a fresh interpreter; its output."""
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


# ---- library


@pytest.mark.parametrize("first", ["confluent_kafka", "django_kafka._native"])
def test_one_librdkafka_in_the_process(first: str) -> None:
    output = script(
        """
        import importlib, re, sys
        for name in (sys.argv[1], "django_kafka._native", "confluent_kafka"):
            importlib.import_module(name)
        import confluent_kafka
        from django_kafka import _native
        with open("/proc/self/maps") as maps:
            files = set(re.findall(r"\\S*librdkafka\\S*", maps.read()))
        assert files == {_native.librdkafka_source()}, (files, _native.librdkafka_source())
        assert (_native.librdkafka_version(), _native.librdkafka_version_int()) == confluent_kafka.libversion()
        print(_native.librdkafka_source())
        """,
        first,
    )
    assert "confluent_kafka" in output


def test_importing_does_not_import_confluent_kafka() -> None:
    script(
        """
        import sys
        from django_kafka import _native
        assert "confluent_kafka" not in sys.modules
        """
    )


def test_without_confluent_kafka_the_system_is_asked() -> None:
    output = script(
        """
        import importlib.abc, sys

        class Nothing(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name == "confluent_kafka":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Nothing())
        try:
            from django_kafka import _native
        except ImportError as error:
            print("refused:", error)
        else:
            print(_native.librdkafka_source())
            try:
                _native.Consumer({"group.id": "g", "no.such": "1"})
            except _native.ConfigError as error:
                print(type(error).__mro__[1].__name__, error)
        """
    )
    assert "refused: no usable librdkafka" in output or "no.such" in output


# ---- fork


def test_after_a_fork_handles_refuse_and_new_ones_work(broker: _native.Broker, topic: str, group: str) -> None:
    script(
        """
        import gc, os, sys, warnings
        from django_kafka import _native
        bootstrap, topic, group = sys.argv[1:]
        warnings.simplefilter("error")
        conf = {"bootstrap.servers": bootstrap, "linger.ms": 0}
        producer = _native.Producer(conf)
        consumer = _native.Consumer({"bootstrap.servers": bootstrap, "group.id": group})
        embedded = _native.Broker()
        producer.produce(topic, b"parent", on_delivery=lambda e, m: None)
        from confluent_kafka import TopicPartition
        reader = _native.Consumer({"bootstrap.servers": bootstrap, "group.id": group})
        reader.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
        batch = reader.fetch(20)
        message = next(batch)
        ticket = batch.defer()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                refused = 0
                for call in (
                    lambda: producer.produce(topic, b"x"), lambda: producer.flush(1), lambda: producer.poll(0.1),
                    lambda: producer.list_topics(timeout=1), lambda: consumer.poll(0.1), lambda: consumer.fetch(0.1),
                    lambda: consumer.subscribe([topic]), lambda: embedded.create_topic("x"), lambda:
                    embedded.bootstrap,
                ):
                    try:
                        call()
                    except _native.ForkedError:
                        refused += 1
                assert refused == 9, refused
                assert message.value() == b"parent"
                ticket.resolve()
                del producer, consumer, embedded, reader, batch, message, ticket
                gc.collect()
                mine = _native.Producer(conf)
                mine.produce(topic, b"child")
                assert mine.flush(20) == 0
                mine.close()
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert producer.flush(20) == 0
        ticket.resolve()
        reader.commit(asynchronous=False)
        consumer.close()
        reader.close()
        producer.close()
        embedded.close()
        """,
        broker.bootstrap,
        topic,
        group,
        options=("-X", "dev"),
    )


# ---- signals while callables run


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "TimeoutError"])
def test_what_a_signal_handler_raises_in_flush_is_not_lost_in_a_log_line(error: str) -> None:
    """No broker can be reached, so that there is a line to log each time that flush() has waited."""
    script(
        """
        import builtins, os, signal, sys, threading
        from django_kafka import _native
        Error = getattr(builtins, sys.argv[1])

        def handler(signum, frame):
            raise Error("signal")

        class Lines:
            def log(self, *args):
                if not sent.is_set():  # the main thread waits in C when it comes
                    sent.set()
                    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()

        sent = threading.Event()
        signal.signal(signal.SIGUSR1, handler)
        conf = {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 5000}
        producer = _native.Producer(conf, logger=Lines())
        producer.produce("t", b"v")
        try:
            producer.flush()
        except Error as exc:
            assert str(exc) == "signal"
        else:
            raise SystemExit("lost")
        os._exit(0)
        """,
        error,
    )


# ---- the end of the interpreter


def values(consumer: _native.Consumer, n: int) -> list[bytes]:
    msgs = consumer.consume(n, 20)
    assert len(msgs) == n
    return [msg.value() for msg in msgs]


def test_what_was_produced_is_delivered_at_exit(broker: _native.Broker, assigned: Any, topic: str) -> None:
    output = script(
        """
        import sys
        from django_kafka import _native
        producer = _native.Producer({"bootstrap.servers": sys.argv[1], "linger.ms": 1000})
        for i in range(100):
            report = (lambda e, m: print("reported")) if i == 99 else None
            producer.produce(sys.argv[2], b"%d" % i, on_delivery=report)
        dropped = _native.Producer({"bootstrap.servers": sys.argv[1], "linger.ms": 1000})
        dropped.produce(sys.argv[2], b"dropped")
        del dropped
        """,
        broker.bootstrap,
        topic,
    )
    assert "reported" in output
    assert sorted(values(assigned(topic), 101)) == sorted([*(b"%d" % i for i in range(100)), b"dropped"])


def test_children_of_multiprocessing_deliver_at_exit(broker: _native.Broker, assigned: Any, topic: str) -> None:
    script(
        """
        import multiprocessing, sys
        from django_kafka import _native

        def work(bootstrap, topic):
            global producer
            producer = _native.Producer({"bootstrap.servers": bootstrap, "linger.ms": 1000})
            producer.produce(topic, b"child")

        if __name__ == "__main__":
            global parent
            parent = _native.Producer({"bootstrap.servers": sys.argv[1]})
            parent.produce(sys.argv[2], b"parent")
            child = multiprocessing.get_context("fork").Process(target=work, args=sys.argv[1:])
            child.start()
            child.join()
            assert child.exitcode == 0
        """,
        broker.bootstrap,
        topic,
    )
    assert sorted(values(assigned(topic), 2)) == [b"child", b"parent"]


def test_failures_at_exit_are_logged(topic: str) -> None:
    output = script(
        """
        import logging, sys
        from django_kafka import _native
        logging.basicConfig(level=logging.ERROR)
        producer = _native.Producer(
            {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 300, "log_level": 0, "error_cb": lambda e:
            None}
        )
        producer.produce(sys.argv[1], b"x")
        """,
        topic,
    )
    assert topic in output
    assert "_MSG_TIMED_OUT" in output


def test_the_interpreter_can_end_with_everything_open(broker: _native.Broker, topic: str, group: str) -> None:
    output = script(
        """
        import sys
        from django_kafka import _native
        embedded = _native.Broker()
        consumer = _native.Consumer(
            {"bootstrap.servers": sys.argv[1], "group.id": sys.argv[3], "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([sys.argv[2]])
        producer = _native.Producer({"bootstrap.servers": sys.argv[1]})
        producer.produce(sys.argv[2], b"x")
        batch = None
        while batch is None:
            batch = consumer.fetch(1)
        message = next(batch)
        keep = sys.modules["keep"] = [consumer, batch, message, producer, embedded]
        keep.append(keep)
        """,
        broker.bootstrap,
        topic,
        group,
    )
    assert "Error" not in output


# ---- signals


@pytest.mark.parametrize("call", ["poll", "consume", "fetch"])
def test_a_signal_loses_no_message(broker: _native.Broker, topic: str, group: str, call: str) -> None:
    """Signals rain down on a process that consumes while messages come in; each message is seen, in order."""
    script(
        """
        import itertools, os, random, signal, sys, threading, time
        from django_kafka import _native
        bootstrap, topic, group, call = sys.argv[1:]

        class Interrupted(Exception):
            pass

        armed = False

        def interrupt(number, frame):
            if armed and frame.f_code.co_name == "inside":
                raise Interrupted

        signal.signal(signal.SIGUSR1, interrupt)
        producer = _native.Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        consumer = _native.Consumer(
            {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "fetch.wait.max.ms":
            10}
        )
        from confluent_kafka import TopicPartition
        consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
        N = 400
        over = False

        def feed():
            for i in range(N):
                producer.produce(topic, b"%d" % i, partition=0)
                time.sleep(0.002)
            producer.flush(20)

        def pester():
            while not over:
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(random.random() / 200)

        found, raised = [], 0
        asked = {"poll": (0.5,), "consume": (5, 0.02), "fetch": (0.5,)}[call]

        def inside():
            # What comes out is put away by C code: between a call and an assignment Python itself may raise.
            found.extend(itertools.starmap(getattr(consumer, call), (asked,)))

        seen = []

        def put_down():
            for one in found:
                if call == "fetch":
                    seen.extend(msg.value() for msg in one or ())
                else:
                    seen.extend(msg.value() for msg in ([one] if call == "poll" else one) if msg is not None)
            del found[:]

        threads = [threading.Thread(target=feed), threading.Thread(target=pester)]
        armed = True
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 40
        while (len(seen) < N or raised <= 20) and time.monotonic() < deadline:
            try:
                inside()
            except Interrupted:
                raised += 1
            put_down()
        over = True
        for thread in threads:
            thread.join()
        assert raised > 20, raised
        assert seen == [b"%d" % i for i in range(N)], seen
        consumer.close()
        producer.close()
        """,
        broker.bootstrap,
        topic,
        group,
        call,
    )


def test_ctrl_c_ends_a_wait_for_ever(broker: _native.Broker, topic: str, group: str) -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import sys
                from django_kafka import _native
                consumer = _native.Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2]})
                try:
                    print("ready", flush=True)
                    consumer.poll()
                except KeyboardInterrupt:
                    consumer.close()
                    print("interrupted", flush=True)
                """
            ),
            broker.bootstrap,
            group,
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        assert child.wait(30) == 0


# ---- leaks

LEAK = """
import gc, os, sys
from confluent_kafka import TopicPartition
from django_kafka import _native

def memory():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

with _native.Broker() as broker:
    broker.create_topic("t", 1)
    with _native.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1}) as producer:
        producer.produce_many("t", [b"x" * 100] * 10000, [b"k"] * 10000, headers={"a": "b"}, partition=0)
    consumer = _native.Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "g", "fetch.wait.max.ms": 10, "enable.auto.commit": False,
        "queued.max.messages.kbytes": 4096,
    })
    consumer.assign([TopicPartition("t", 0, _native.OFFSET_BEGINNING)])

    def by_batch():
        n = 0
        while n < 10000:
            batch = consumer.fetch(10)
            while batch.next_topic() is not None:
                for msg in batch:
                    msg.value(), msg.key(), msg.topic(), msg.headers(), msg.timestamp(), msg.offset()
                    msg.set_value(msg)
                    n += 1

    def by_poll():
        for _ in range(10000):
            msg = consumer.poll(10)
            msg.value(), msg.headers(), msg.detach()

    def by_consume():
        n = 0
        while n < 10000:
            n += len(consumer.consume(500, 0.05))

    def level():  # what is prefetched comes and goes, a leak goes on and on
        return len(sizes) >= 20 and max(sizes[-4:]) - max(sizes[:-10]) < 3000

    sizes = []
    while not level() and len(sizes) < 60:
        (by_batch, by_poll, by_consume)[len(sizes) % 3]()
        for _ in range(100):
            try:
                consumer.assign([5])
            except TypeError:
                pass
            consumer.position(consumer.assignment())
        consumer.seek(TopicPartition("t", 0, 0))
        sizes.append(memory())
    consumer.close()
    assert level(), sizes
"""


def test_memory_stays_level_while_consuming() -> None:
    script(LEAK, timeout=160)


def test_memory_stays_level_while_producing() -> None:
    script(
        """
        import gc, os
        from django_kafka import _native

        def memory():
            gc.collect()
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

        with _native.Broker() as broker:
            broker.create_topic("t", 1)
            sizes = []
            producer = _native.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1})

            def level():  # a value leaked per message would be 30000 within these turns
                return len(sizes) >= 14 and max(sizes[-4:]) - max(sizes[-10:-6]) < 6000

            while not level() and len(sizes) < 40:
                for i in range(10000):
                    producer.produce("t", b"x" * 500, "key", headers={"a": "b"}, on_delivery=lambda e, m: m.value())
                    if i % 500 == 0:
                        producer.poll(0)
                    if i % 100 == 0:
                        try:
                            producer.produce("t", b"x", headers=[("a", 5)])
                        except TypeError:
                            pass
                producer.flush(30)
                extra = _native.Producer({"bootstrap.servers": broker.bootstrap})
                extra.produce("t", b"x")
                extra.close()
                sizes.append(memory())
            producer.close()
            assert level(), sizes
        """,
        timeout=160,
    )


def test_subinterpreters_have_modules_of_their_own() -> None:
    script(
        """
        import sys
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        from django_kafka import _native
        code = "from django_kafka import _native; _native.Message('t', value=b'v').value(); _native.Broker().close()"
        for _ in range(3):
            interp = interpreters.create() if sys.version_info >= (3, 13) else interpreters.create(isolated=False)
            result = interpreters.run_string(interp, code) if hasattr(interpreters, "run_string") else None
            assert result is None, result
            interpreters.destroy(interp)
        assert _native.Message("t", value=b"v").value() == b"v"
        """
    )


def test_wait_helper_waits(wait: Callable[..., Any]) -> None:
    assert wait(lambda: 5) == 5
    with pytest.raises(AssertionError):
        wait(lambda: 0, timeout=0.01)
