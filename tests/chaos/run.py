# SPDX-License-Identifier: MIT
"""A run: servers, consumers and a producer, the events of the plan, the wait until everything is settled."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka
import psutil
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from django_kafka import _native
from tests.chaos.judge import Evidence, Produced, Verdict, judge
from tests.chaos.ledger import Ledger
from tests.chaos.owners import owners
from tests.chaos.plan import Event, Plan, Planned
from tests.chaos.rules import PARTITIONS, RULES, rule_of
from tests.chaos.worker import Worker, environment
from tests.live.clients import Plain, plain
from tests.live.servers import KafkaCluster, PostgresServer
from tests.live.servers.process import CACHE, ROOT, wait_until

JVM = ("-Xmx320m", "-Xms160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
BROKER = {
    "offsets.topic.num.partitions": "3",
    # A heartbeat whose answer takes longer than the interval is given up by librdkafka (2.16), and the connection
    # with it: the interval is above what a busy machine needs, mostly.
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.heartbeat.interval.ms": "2000",
    "log.segment.bytes": "16777216",
}
POSTGRES = {"synchronous_commit": "on", "max_connections": "60"}
# Longer than the session of a frozen process lasts.
FREEZE = 7.5
WORKERS_AT_MOST = 3
# How long the last messages may take once nothing is killed any more: the longest waits between tries are a minute.
DRAIN = 180.0
STOP = 60.0
# A stop takes this long at most, unless a broker is away or a process frozen meanwhile.
QUICK_STOP = 5.0

# A line of a worker's log about a record that is redelivered without being to blame.
_EXCUSE = re.compile(
    r"copy of \(topic=(\S+) partition=(\d+) offset=(\d+)\) to '\S+' was not accepted"
    r"|\(topic=(\S+) partition=(\d+) offset=(\d+)\): the partition is paused until"
)


class Run:
    """One run of a plan. Everything happens on the thread that calls run(), since servers die with their thread."""

    def __init__(self, plan: Plan, say: Callable[[str], None] = print) -> None:
        self.plan = plan
        self.say = say
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-chaos-"))
        (self.folder / "ledger" / "counts").mkdir(parents=True)
        self.ledger = Ledger(self.folder / "ledger")
        self.workers: list[Worker] = []
        self.produced: list[Produced] = []
        self.violations: list[str] = []
        self.events: Counter[str] = Counter()
        self.stops: list[float] = []
        self.quiet_stops: list[float] = []  # those while no broker was away and nothing was frozen
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._broker_down = False
        self._undelivered: list[str] = []
        self._frozen: list[psutil.Process] = []

    def run(self) -> Verdict:
        kafka = KafkaCluster(3, properties=BROKER, jvm=JVM)
        self.kafka = kafka
        verdict = None
        try:
            with PostgresServer(options=POSTGRES) as self.postgres:
                kafka.start()
                self._prepare()
                self._act()
                self._calm_down()
                drained = self._drain()
                self._stop_workers()
                verdict = self._judge(drained)
        finally:
            for worker in self.workers:
                worker.kill()
            if verdict is None or not verdict.ok:
                self._keep()
            kafka.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        return verdict

    # ---- before ---------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        for rule in RULES:
            self.kafka.create_topic(rule.topic, PARTITIONS)
        self.env = environment(
            bootstrap=self.kafka.bootstrap,
            database=self.postgres.django_settings(),
            ledger=self.ledger.folder,
            seed=self.plan.seed,
            config=self.plan.config,
        )
        migrate = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
        subprocess.run(migrate, env={**os.environ, **self.env}, cwd=ROOT, check=True)
        self.producer = _native.Producer(
            {"bootstrap.servers": self.kafka.bootstrap, "enable.idempotence": True, "linger.ms": 5}
        )
        self._add_worker()
        self._add_worker()

    def _add_worker(self) -> None:
        self.workers.append(Worker(len(self.workers) + 1, self.env, self.folder))

    # ---- the middle -----------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Produce and disturb as planned."""
        start = self.start = time.monotonic()
        messages = iter(self.plan.messages)
        events = iter(self.plan.events)
        message, event = next(messages, None), next(events, None)
        shown = 0.0
        while (now := time.monotonic() - start) < self.plan.seconds or message is not None:
            while message is not None and message.at <= now:
                self._produce(message)
                message = next(messages, None)
            self.producer.poll(0)
            if event is not None and event.at <= now and self._do(event):
                event = next(events, None)
            self._do_later()
            if now - shown >= 10:
                shown = now
                self._show()
            time.sleep(0.02)

    def _produce(self, message: Planned) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("trace", b"first"),
            ("plan", json.dumps(message.header).encode()),
            ("trace", b"\xff\x00second"),
            ("empty", None),
        ]
        timestamp = int(time.time() * 1000)

        def report(error: Any, msg: Any) -> None:
            if error is not None:
                self._undelivered.append(f"message {message.id} to {message.topic}: {error}")
                return
            place = (msg.topic(), msg.partition(), msg.offset())
            kept = tuple((name, value) for name, value in headers)
            self.produced.append(Produced(message, place, timestamp, kept))  # type: ignore[arg-type]

        self.producer.produce(
            message.topic, message.value, message.key, headers=headers, timestamp=timestamp, on_delivery=report
        )

    def _do(self, event: Event) -> bool:
        """Let it happen. Returns False when that has to wait."""
        if event.what.startswith("broker") and not self._all_in_sync():
            return False
        if event.what.startswith("postgres") and not self.postgres.process.running:
            return False
        action = getattr(self, "_" + event.what.replace("-", "_"))
        done = action(event)
        self.events[event.what if done is not False else f"{event.what} (nobody there)"] += 1
        return True

    def _do_later(self) -> None:
        now = time.monotonic()
        for item in [item for item in self._later if item[0] <= now]:
            self._later.remove(item)
            item[1]()

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, action))

    def _log(self, text: str) -> None:
        self.say(f"  {time.monotonic() - self.start:6.1f} s  {text}")

    def _show(self) -> None:
        self.ledger.read()
        running = sum(worker.available for worker in self.workers)
        self._log(
            f"produced {len(self.produced)}, handled {len(self.ledger.handled)}, {running} kafka_consume"
            f"{', a broker is away' if self._broker_down else ''}"
        )

    # ---- events ---------------------------------------------------------------------------------------------------

    def _pick_worker(self, event: Event) -> Worker | None:
        running = [worker for worker in self.workers if worker.available]
        return running[int(event.pick * len(running))] if running else None

    def _pick_child(self, event: Event) -> tuple[Worker, psutil.Process] | None:
        found = [
            (worker, child)
            for worker in self.workers
            if worker.available
            for child in worker.children()
            if child not in self._frozen
        ]
        return found[int(event.pick * len(found))] if found else None

    def _kill_child(self, event: Event) -> bool:
        if (found := self._pick_child(event)) is None:
            return False
        worker, child = found
        self._log(f"SIGKILL to process {child.pid} of kafka_consume {worker.number}")
        try:
            worker.kill_child(child)
        except psutil.NoSuchProcess:
            return False
        return True

    def _freeze_child(self, event: Event) -> bool:
        if (found := self._pick_child(event)) is None:
            return False
        worker, child = found
        self._log(f"SIGSTOP to process {child.pid} of kafka_consume {worker.number}, for {FREEZE:g} s")
        try:
            child.suspend()
        except psutil.NoSuchProcess:
            return False
        self._frozen.append(child)

        def thaw() -> None:
            self._frozen.remove(child)
            try:
                child.resume()
                self._log(f"SIGCONT to process {child.pid}")
            except psutil.NoSuchProcess:
                pass

        self._after(FREEZE, thaw)
        return True

    def _kill_worker(self, event: Event) -> bool:
        if (worker := self._pick_worker(event)) is None:
            return False
        self._log(f"SIGKILL to all of kafka_consume {worker.number}")
        worker.kill()
        self._after(event.seconds / 4, self._add_worker)
        return True

    def _term_worker(self, event: Event) -> bool:
        return self._leave(event, another=True)

    def _term_group(self, event: Event) -> bool:
        return self._leave(event, another=True, whole_group=True)

    def _leave(self, event: Event, *, another: bool = False, whole_group: bool = False) -> bool:
        if (worker := self._pick_worker(event)) is None:
            return False
        another = another or sum(one.available for one in self.workers) < 2
        self._log(f"SIGTERM to kafka_consume {worker.number}{' and its children' if whole_group else ''}")
        self._stop(worker, whole_group=whole_group)
        if another:
            self._after(event.seconds / 4, self._add_worker)
        return True

    def _stop(self, worker: Worker, *, whole_group: bool = False) -> None:
        worker.ask_to_stop(whole_group=whole_group)
        self._watch_stop(worker, excused=False)

    def _watch_stop(self, worker: Worker, *, excused: bool) -> None:
        """See that it ends in time, and with exit code 0."""
        excused = excused or self._broker_down or bool(self._frozen)
        if worker.running:
            self._after(0.05, lambda: self._watch_stop(worker, excused=excused))
            return
        assert worker.asked is not None
        self.stops.append(time.monotonic() - worker.asked)
        if self.stops[-1] > 1:
            self._log(f"kafka_consume {worker.number} has stopped after {self.stops[-1]:.1f} s: {worker.slowest()}")
        if not excused:
            self.quiet_stops.append(self.stops[-1])
            if self.stops[-1] > QUICK_STOP:
                self.violations.append(f"kafka_consume {worker.number} took {self.stops[-1]:.1f} s to stop")
        code, took = worker.process.returncode, self.stops[-1]
        if code == -signal.SIGTERM and not worker.has_begun:
            return  # Python had not come to our handlers yet
        if code != 0 and not worker.killed:
            self.violations.append(f"kafka_consume {worker.number} ended with {code}, {took:.1f} s after SIGTERM")

    def _join(self, event: Event) -> bool:
        if sum(worker.available for worker in self.workers) >= WORKERS_AT_MOST:
            return self._leave(event)
        self._log("another kafka_consume joins")
        self._add_worker()
        return True

    def _broker_kill(self, event: Event) -> None:
        self._broker_away(event, "SIGKILL", signal.SIGKILL)

    def _broker_stop(self, event: Event) -> None:
        self._broker_away(event, "SIGTERM", signal.SIGTERM)

    def _broker_away(self, event: Event, name: str, number: int) -> None:
        node = self.kafka.nodes[int(event.pick * len(self.kafka.nodes))]
        self._log(f"{name} to Kafka node {node.node_id}, back in {event.seconds:.1f} s")
        self._broker_down = True
        node.process.send(number)

        def back() -> None:
            if node.process.running:
                self._after(0.1, back)
                return
            node.start(wait=False)
            self._log(f"Kafka node {node.node_id} starts")
            started()

        def started() -> None:
            if "Kafka Server started" in node.process.output():
                self._broker_down = False
            else:
                self._after(0.2, started)

        self._after(event.seconds, back)

    def _broker_freeze(self, event: Event) -> None:
        node = self.kafka.nodes[int(event.pick * len(self.kafka.nodes))]
        self._log(f"SIGSTOP to Kafka node {node.node_id}, for {event.seconds:.1f} s")
        self._broker_down = True
        node.process.send(signal.SIGSTOP)

        def thaw() -> None:
            node.process.send(signal.SIGCONT)
            self._log(f"SIGCONT to Kafka node {node.node_id}")
            self._broker_down = False

        self._after(event.seconds, thaw)

    def _all_in_sync(self) -> bool:
        """All nodes run and no partition lacks a replica: only then may the next node go away."""
        if self._broker_down:
            return False
        try:
            topics = self.kafka.admin.list_topics(timeout=2).topics.values()
        except confluent_kafka.KafkaException:
            return False
        return all(len(p.isrs) == len(p.replicas) for topic in topics for p in topic.partitions.values())

    def _postgres_restart(self, event: Event) -> None:
        self._postgres_away(event, "stops", self.postgres.stop)

    def _postgres_kill(self, event: Event) -> None:
        self._postgres_away(event, "is killed", self.postgres.kill)

    def _postgres_away(self, event: Event, how: str, go: Callable[[], None]) -> None:
        seconds = event.seconds / 2
        self._log(f"PostgreSQL {how}, back in {seconds:.1f} s")
        go()
        self._after(seconds, self.postgres.start)

    def _postgres_cut(self, event: Event) -> None:
        self._log("every connection to PostgreSQL is cut")
        self.postgres.psql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = 'lab' AND pid <> pg_backend_pid()"
        )

    # ---- after ----------------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        """Everything that was to come back comes back, and all messages are delivered."""
        wait_until(lambda: (self._do_later(), not self._later)[1], 60, "what was killed is back", interval=0.05)
        while sum(worker.available for worker in self.workers) < 2:
            self._add_worker()
        left = self.producer.flush(60)
        self.producer.close(5)
        if left or self._undelivered:
            self.violations.append(
                f"the producer did not deliver {left} messages, and these: {self._undelivered[:5]}"
            )

    def _drain(self) -> str:
        """Wait until every group has committed the end of all its topics. Returns what is missing, "" if nothing."""
        deadline = time.monotonic() + DRAIN
        behind = "nobody has asked"
        quiet = 0
        shown = time.monotonic()
        while quiet < 2:
            try:
                lag = self._lag()
            except confluent_kafka.KafkaException as error:  # a leader that has only just come back
                lag = {f"nobody knows ({error})": 1}
            quiet = quiet + 1 if not lag else 0
            behind = ", ".join(f"{name} {number}" for name, number in lag.items())
            if lag and time.monotonic() > deadline:
                return behind
            if time.monotonic() - shown >= 10:
                shown = time.monotonic()
                self._show()
                self._log(f"not committed yet: {behind}")
            time.sleep(0.3)
        self._show()
        return ""

    def _lag(self) -> dict[str, int]:
        """By group, topic and partition: how far what is committed is behind the end."""
        admin = self.kafka.admin
        names = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
        result = {}
        # Sources first: what they pass on is then seen in the retry topics.
        for name in sorted((name for name in names if not name.endswith(".dlt")), key=_depth):
            group = rule_of(name).group + (".retry" if ".retry." in name else "")
            for partition, committed in self._committed(group, name).items():
                end = self._end(name, partition)
                if committed < end:
                    result[f"{group} {name} {partition}: {committed} of {end}"] = end - committed
        return result

    def _committed(self, group: str, topic: str) -> dict[int, int]:
        count = len(self.kafka.admin.list_topics(topic, timeout=10).topics[topic].partitions)
        asked = [TopicPartition(topic, partition) for partition in range(count)]
        request = [ConsumerGroupTopicPartitions(group, asked)]
        try:
            found = self.kafka.admin.list_consumer_group_offsets(request, request_timeout=10)[group].result(15)
        except confluent_kafka.KafkaException:
            return dict.fromkeys(range(count), -1)
        return {p.partition: max(0, p.offset) for p in found.topic_partitions}

    def _end(self, topic: str, partition: int) -> int:
        return int(self._reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1])

    @property
    def _reader(self) -> confluent_kafka.Consumer:
        if "_made_reader" not in self.__dict__:
            config = {"bootstrap.servers": self.kafka.bootstrap, "group.id": "judge", "auto.offset.reset": "earliest"}
            self._made_reader = confluent_kafka.Consumer({**config, "enable.auto.commit": False})
        return self._made_reader

    def _stop_workers(self) -> None:
        for worker in self.workers:
            if worker.available:
                self._stop(worker)
        wait_until(lambda: (self._do_later(), not self._later)[1], STOP, "all consumers have stopped", interval=0.02)

    def _judge(self, drained: str) -> Verdict:
        self.ledger.read()
        if drained:
            self.violations.append(f"not committed within {DRAIN:g} s: {drained}")
            self.violations += self._last_owners(drained)
        elif lag := self._lag():
            self.violations.append(f"after the last stop: {lag}")
        for worker in self.workers:
            self.violations += worker.deaths()
        rows = Counter(map(int, self.postgres.psql("SELECT message FROM app_handled").split()))
        evidence = Evidence(
            produced=self.produced,
            lines=self.ledger.lines,
            dead=self._dead(),
            rows=rows,
            excused=self._excused(),
            others=self.violations,
        )
        verdict = judge(evidence)
        verdict.counts["kafka_consume started"] = len(self.workers)
        verdict.counts["slowest stop, ms"] = int(1000 * max(self.stops, default=0))
        verdict.counts["slowest stop while all was well, ms"] = int(1000 * max(self.quiet_stops, default=0))
        return verdict

    def _last_owners(self, drained: str) -> list[str]:
        """Who had the partitions that nobody has read to their end."""
        found = owners(worker.log.read_text(errors="replace") for worker in self.workers)
        places = [text.partition(":")[0] for text in drained.split(", ")]
        return [f"{place}: {found.get(place, 'nobody has ever had it')}" for place in places]

    def _dead(self) -> list[Plain]:
        """All records of the dead-letter topics."""
        parts = []
        for name, topic in self.kafka.admin.list_topics(timeout=10).topics.items():
            if name.endswith(".dlt"):
                parts += [TopicPartition(name, number, 0) for number in topic.partitions]
        missing = sum(self._end(part.topic, part.partition) for part in parts)
        found: list[Plain] = []
        self._reader.assign(parts)
        deadline = time.monotonic() + 60
        while len(found) < missing and time.monotonic() < deadline:
            found += [plain(message) for message in self._reader.consume(1000, 0.5)]
        self._reader.close()
        assert len(found) == missing, f"{len(found)} of {missing} dead letters could be read"
        return found

    def _excused(self) -> Counter[Any]:
        """From the logs: records that are redelivered because a copy was refused, or the database was away."""
        result: Counter[Any] = Counter()
        for worker in self.workers:
            for match in _EXCUSE.finditer(worker.log.read_text(errors="replace")):
                topic, partition, offset = _groups(match)
                result[topic, int(partition), int(offset)] += 1
        return result

    def _keep(self) -> None:
        """Keep all that tells what happened."""
        place = CACHE / "chaos" / f"{self.plan.seed}-{time.strftime('%H%M%S')}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.folder, place, ignore=shutil.ignore_patterns("counts"))
        for node in self.kafka.nodes:
            if node.process.log.exists():
                shutil.copy(node.process.log, place)
        plan = dataclasses.asdict(dataclasses.replace(self.plan, messages=[]))
        (place / "plan.json").write_text(json.dumps(plan, indent=1))
        self.say(f"Ledger and logs are kept in {place.relative_to(ROOT)}")


def _groups(match: re.Match[str]) -> tuple[str, str, str]:
    topic, partition, offset = (group for group in match.groups() if group is not None)
    return topic, partition, offset


def _depth(topic: str) -> int:
    """0 for a topic, n for its n-th retry topic."""
    _, found, number = topic.rpartition(".retry.")
    return int(number) if found else 0
