# SPDX-License-Identifier: MIT
"""manage.py kafka_connect: publish the project's connectors to Kafka Connect, and look after them."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import requests
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from django_kafka import kafka
from django_kafka.connect.answers import State, is_ok, refusal, trouble_of
from django_kafka.connect.changes import changes
from django_kafka.connect.connector import NOT_FOUND, Connector, ConnectorStatus
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.management.arguments import seconds
from django_kafka.management.commands.errors import substitute_error
from django_kafka.management.connect_report import Report
from django_kafka.management.connect_strangers import Strangers

AT_ONCE = 16  # connectors that are asked about at the same time
STATUS_PAUSES = (1.0, 2.0)  # before a connector that has no worker yet is asked about again
WAIT_PAUSE = 0.5


class Result(NamedTuple):
    """What became of one connector."""

    word: str
    text: str = ""
    failed: bool = False


class Command(BaseCommand):
    help = "Publish connectors."
    requires_system_checks = ("django_kafka",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connectors: list[str] = []
        self.has_failures = False
        self.report = Report(self.stdout, self.style)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "connector",
            nargs="?",
            default=None,
            help="A connector: its name, or the Python path of its class. Default: all registered connectors.",
        )
        for flag, text in FLAGS.items():
            parser.add_argument(f"--{flag}", action="store_true", help=text)
        parser.add_argument(
            "--wait",
            type=seconds,
            metavar="SECONDS",
            help="Wait until the connectors and all of their tasks run, at most so long.",
        )

    @substitute_error([Exception], CommandError)
    def handle(self, *args: Any, **options: Any) -> None:
        connector = options.get("connector")
        self.report = Report(self.stdout, self.style, as_json=bool(options.get("json")))
        if options.get("list"):
            self.list_connectors()
            self.report.end()
            return
        asked = [name for name in STEPS if options.get(name) is not None and options.get(name) is not False]
        if connector is None and not asked:
            self.print_help("manage.py", "kafka_connect")
            return
        self.connectors = list(kafka.connectors) if connector is None else [self.find(connector)]
        for name in asked:
            STEPS[name](self, options)
        self.report.end()
        if self.has_failures and not options.get("ignore_failures"):
            raise CommandError("Command does not succeed.")

    def find(self, text: str) -> str:
        """The key of the connector that is meant. Errors: DjangoKafkaError."""
        if text in kafka.connectors:
            return text
        paths = {
            f"{cls.__module__}.{cls.__qualname__}": key for key in kafka.connectors if (cls := kafka.connectors[key])
        }
        if text in paths:
            return paths[text]
        near = difflib.get_close_matches(text, [*kafka.connectors, *paths], n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise DjangoKafkaError(f"`{text}` is not registered.{hint}")

    # ---- one step for all connectors ----

    def list_connectors(self) -> None:
        if self.report.as_json:
            for name in kafka.connectors:
                self.report.tell(name, "list", "removed" if kafka.connectors[name].mark_for_removal else "known")
            return
        self.stdout.write("Available connectors:")
        for name in kafka.connectors:
            mark = " (marked for removal)" if kafka.connectors[name].mark_for_removal else ""
            self.stdout.write(f"- {name}{mark}")

    def handle_validate(self) -> None:
        self.for_each("validate", "Validating connectors...", unless_removed(self.validate))

    def handle_diff(self) -> None:
        self.for_each("diff", "Comparing connectors...", unless_removed(self.compare))

    def handle_publish(self) -> None:
        self.for_each("publish", "Publishing connectors...", self.publish, at_once=1)

    def handle_status(self) -> None:
        self.for_each("status", "Checking status...", unless_removed(self.check_status))

    def for_each(self, action: str, title: str, do: Callable[[Connector], Result], *, at_once: int = AT_ONCE) -> None:
        """do() for each connector, several at a time. What is told is in the order of the connectors."""
        self.report.begin(title, self.connectors)

        def attempt(name: str) -> Result:
            try:
                return do(kafka.connectors[name]())
            except Exception as error:
                word = {"validate": "invalid", "status": "failed to retrieve"}.get(action, "failed")
                return Result(word, trouble_of(error), failed=True)
            finally:
                connections.close_all()  # of this thread

        with ThreadPoolExecutor(at_once) as threads:
            for name, result in zip(self.connectors, threads.map(attempt, self.connectors), strict=True):
                self.has_failures |= result.failed
                self.report.tell(name, action, result.word, result.text)

    # ---- one connector ----

    def validate(self, connector: Connector) -> Result:
        connector.is_valid(raise_exception=True)
        missing = connector.prerequisites()
        lines = [f"{each.severity}: {each.text}" + (f"\n{each.remedy}" if each.remedy else "") for each in missing]
        failed = any(each.severity == "error" for each in missing)
        return Result("invalid" if failed else "valid", "\n".join(lines), failed)

    def compare(self, connector: Connector) -> Result:
        published = connector.published_config()
        found = changes(published or {}, connector.final_config)
        word = "new" if published is None else "changed" if found else "unchanged"
        return Result(word, "\n".join(map(str, found)))

    def publish(self, connector: Connector) -> Result:
        return self.handle_delete(connector) if connector.mark_for_removal else self.handle_submit(connector)

    def handle_delete(self, connector: Connector) -> Result:
        return Result("deleted" if connector.delete() else "does not exist (already deleted)")

    def handle_submit(self, connector: Connector) -> Result:
        # A publish that changes nothing would restart the connector all the same.
        published = connector.published_config()
        if isinstance(published, dict) and not changes(published, connector.final_config):
            return Result("unchanged")
        connector.submit()
        return Result("submitted")

    def check_status(self, connector: Connector) -> Result:
        state = self.settled_state(connector)
        return Result(state.status, state.reason, failed=state.status != ConnectorStatus.RUNNING)

    def settled_state(self, connector: Connector) -> State:
        """The state; a connector that was only just published has no worker, or is not there yet."""
        for pause in (*STATUS_PAUSES, None):
            try:
                state = connector.state()
            except DjangoKafkaError as error:
                if pause is None or getattr(error.context, "status_code", None) != NOT_FOUND:
                    raise
            else:
                if pause is None or state.status != ConnectorStatus.UNASSIGNED:
                    return state
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _connector_is_running(self, connector: Connector) -> bool:
        return not self.check_status(connector).failed

    def wait(self, connector: Connector, longest: float) -> Result:
        """Until it runs. FAILED is no end of it: it may be about to be restarted."""
        end = time.monotonic() + longest
        while True:
            try:
                state = connector.state()
            except DjangoKafkaError as error:
                if getattr(error.context, "status_code", None) != NOT_FOUND:
                    raise
                state = State(ConnectorStatus.UNASSIGNED, "it is not on the cluster")
            if state.status == ConnectorStatus.RUNNING:
                return Result(state.status)
            if (left := end - time.monotonic()) <= 0:
                return Result(
                    state.status, f"{state.reason or 'no reason is given'}; after {longest:g} s", failed=True
                )
            time.sleep(min(WAIT_PAUSE, left))

    def ask(self, connector: Connector, method: str, word: str) -> Result:
        """A request whose answer says only whether it was done."""
        response = getattr(connector.client, method)(connector.name)
        if not is_ok(response):
            raise refusal(response)
        return Result(word)

    def show_offsets(self, connector: Connector) -> Result:
        response = connector.client.offsets(connector.name)
        if not is_ok(response):
            raise refusal(response)
        return Result("offsets", "\n".join(offset_lines(response.json())) or "none are committed")

    # ---- connectors that are not ours ----

    def handle_prune(self, *, sure: bool) -> None:
        try:
            strangers = Strangers(kafka.connectors)
            names = strangers.names()
        except requests.RequestException as error:
            raise CommandError(trouble_of(error)) from error
        self.report.begin("Looking for connectors that the code does not know...", names)
        for name in names:
            try:
                word = strangers.delete(name) if sure else "unknown (--yes deletes it)"
                self.report.tell(name, "prune", word)
            except Exception as error:
                self.has_failures = True
                self.report.tell(name, "prune", "failed", trouble_of(error))


def unless_removed(do: Callable[[Connector], Result]) -> Callable[[Connector], Result]:
    """do(), but for connectors that are to be deleted."""
    return lambda connector: Result(SKIPPED) if connector.mark_for_removal else do(connector)


SKIPPED = "skip (REASON: marked for removal)"


def offset_lines(body: dict[str, Any]) -> Iterator[str]:
    for each in body.get("offsets") or ():
        where = " ".join(f"{key}={value}" for key, value in (each.get("partition") or {}).items())
        at = " ".join(f"{key}={value}" for key, value in (each.get("offset") or {}).items())
        yield f"{where}: {at}"


def asking(name: str, title: str, method: str, word: str) -> Callable[[Command, dict[str, Any]], None]:
    return lambda command, _: command.for_each(name, title, lambda connector: command.ask(connector, method, word))


FLAGS = {
    "list": "List the registered connectors.",
    "validate": "Let Kafka Connect validate the configurations, and look for what they need outside of it.",
    "diff": "Show what publishing would change on the cluster.",
    "publish": "Create or change connectors; delete those that are marked for removal.",
    "prune": "Show connectors of the cluster that are not registered; with --yes delete them.",
    "yes": "With --prune: delete.",
    "stop": "Stop connectors: their tasks end, their offsets stay.",
    "reset-offsets": "Forget the offsets of connectors that are stopped.",
    "resume": "Resume connectors that are paused or stopped.",
    "restart": "Restart connectors and tasks that have failed.",
    "pause": "Pause connectors.",
    "offsets": "Show the committed offsets.",
    "check-status": "Show the state of connectors and their tasks. Only RUNNING is a success.",
    "ignore-failures": "Exit with code 0 all the same.",
    "json": "Print JSON, for scripts.",
}

# In the order in which they are done.
STEPS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "validate": lambda command, _: command.handle_validate(),
    "diff": lambda command, _: command.handle_diff(),
    "publish": lambda command, _: command.handle_publish(),
    "prune": lambda command, options: command.handle_prune(sure=bool(options.get("yes"))),
    "stop": asking("stop", "Stopping connectors...", "stop", "stopped"),
    "reset_offsets": asking("reset-offsets", "Resetting offsets...", "reset_offsets", "reset"),
    "resume": asking("resume", "Resuming connectors...", "resume", "resumed"),
    "restart": asking("restart", "Restarting connectors...", "restart", "restarted"),
    "pause": asking("pause", "Pausing connectors...", "pause", "paused"),
    "offsets": lambda command, _: command.for_each("offsets", "Reading offsets...", command.show_offsets),
    "wait": lambda command, options: command.for_each(
        "wait", "Waiting for connectors...", unless_removed(lambda each: command.wait(each, options["wait"]))
    ),
    "check_status": lambda command, _: command.handle_status(),
}
