# SPDX-License-Identifier: MIT
"""manage.py kafka_consume: run consumers until told to stop."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

from django_kafka import kafka
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.logs.shown import show
from django_kafka.management.arguments import seconds
from django_kafka.processes.runner import KafkaConsumeRunner

EPILOG = """\
A consumer that dies is restarted: after 1 second at first, after up to 60 if
it keeps dying. SIGTERM, SIGINT (Ctrl-C) or SIGHUP, sent to this process or to
its process group, stops all consumers: each finishes the message in hand,
flushes the producer, commits its offsets and leaves its group. A second signal
ends at once; the messages in hand are then redelivered.

exit codes:
  0    stopped as asked, or there was nothing to run
  1    an unknown consumer; a consumer that died (with --exit-on-failure), that
       could not be configured (and no other was left), or that failed while
       it was stopping
  2    wrong command line
  3    a consumer was killed because it had not stopped within --grace
  130  ended by a second SIGINT
  143  ended by a second SIGTERM
"""


class HelpFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's, but leaves the lines of the epilog as they are."""


class Command(BaseCommand):
    help = "Start Kafka consumers in parallel, each in a process of its own, and keep them running."
    # The project's other checks import its views; a worker should be up before they are.
    requires_system_checks = ("django_kafka",)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=HelpFormatter, epilog=EPILOG, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "consumers",
            nargs="*",
            default=None,
            metavar="consumer",
            help="Registry keys of consumers, such as myapp.consumers.MyConsumer. Default: all registered consumers.",
        )
        parser.add_argument(
            "--exit-on-failure",
            action="store_true",
            help="When a consumer dies, stop the others and exit with code 1 instead of restarting it.",
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            default=30.0,
            metavar="SECONDS",
            help="How long consumers may take to stop before they are killed. Default: 30.",
        )
        parser.add_argument(
            "--start-method",
            choices=("auto", "fork", "spawn"),
            default="auto",
            help="How processes are started. fork is quick and shares memory; spawn is safe when imported code has "
            "started threads. Default: fork, unless there are threads.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        show(options["verbosity"])
        method = options["start_method"]
        try:
            runner = KafkaConsumeRunner(
                options["consumers"],
                grace=options["grace"],
                exit_on_failure=options["exit_on_failure"],
                start_method=None if method == "auto" else method,
                verbosity=options["verbosity"],
            )
        except DjangoKafkaError as exc:
            raise CommandError(str(exc)) from exc
        if not list(kafka.consumers):
            self.stdout.write(
                "No consumer is registered: decorate a class in <app>/consumers.py with @kafka.consumers()."
            )
        if code := runner.run():
            sys.exit(code)
