# SPDX-License-Identifier: MIT
"""manage.py kafka_dead_letters: look at messages that failed for good, try them again, delete them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka._native import ConfigError
from django_kafka.dead_letter.tool import browse
from django_kafka.dead_letter.tool.browse import Letter
from django_kafka.dead_letter.tool.catalogue import Cluster
from django_kafka.dead_letter.tool.purge import purge
from django_kafka.dead_letter.tool.replay import Replay
from django_kafka.dead_letter.tool.select import Selection, parse_age, parse_place
from django_kafka.dead_letter.tool.show import describe
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.management.progress import Progress

T = TypeVar("T")


ACTIONS = {
    "list": "List the dead-letter topics of the registered consumers, and count their letters.",
    "show": "Show dead letters, decoded by the deserializer of their topic.",
    "replay": "Replay dead letters, each one once.",
    "purge": "Delete all dead letters of a topic, replayed or not.",
}


class Command(BaseCommand):
    help = "Dead letters: list their topics, show them, replay them (each once), purge a topic."
    requires_system_checks = ("django_kafka",)

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="action")
        own = {name: actions.add_parser(name, help=text, description=text) for name, text in ACTIONS.items()}
        for name, action in own.items():
            add_common(action, "2: print each letter that is replayed." if name == "replay" else argparse.SUPPRESS)
        show, replay, empty = own["show"], own["replay"], own["purge"]
        for action in (show, replay, empty):
            action.add_argument("topic", help="The dead-letter topic: <group>.<topic>.dlt.")
        for action in (show, replay):
            add_selection(action)
        show.add_argument(
            "--limit",
            type=int,
            default=20,
            metavar="N",
            help="Show at most this many letters; 0 shows all. Default: 20.",
        )
        show.add_argument("--full", action="store_true", help="Show everything in full, with tracebacks.")
        replay.add_argument(
            "--handler",
            action="store_true",
            help="Call the topic's consume() here, instead of producing to the original topic, where other groups "
            "would see the message again too.",
        )
        replay.add_argument("--dry-run", action="store_true", help="Only print what would be replayed.")
        replay.epilog = "Exit code 1: some letters were not replayed. They stay, and the reason is printed for each."
        empty.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Cluster() as cluster:
                getattr(self, f"do_{options['action']}")(cluster, options)
        except (DjangoKafkaError, ConfigError, KafkaException) as error:
            raise CommandError(str(error)) from error

    def do_list(self, cluster: Cluster, options: dict[str, Any]) -> None:
        owned = cluster.owned()
        if not owned:
            self.stdout.write("There is not a dead-letter topic of a registered consumer.")
            return
        total = sum(self.size(cluster, name) for name in owned)
        with Progress(self.stderr, total, "Counting") as progress:
            counts = {name: browse.count(cluster, name, progress) for name in owned}
        width = max(len(name) for name in owned)
        self.stdout.write(f"{'topic':{width}}  {'letters':>9}  {'replayed':>9}  {'waiting':>9}  consumer")
        for name, owner in owned.items():
            count = counts[name]
            note = "" if owner.handler is not None else f" (does not consume '{owner.origin}' any more)"
            self.stdout.write(
                f"{name:{width}}  {count.letters:9}  {count.replayed:9}  {count.waiting:9}  {owner.consumer}{note}"
            )

    def do_show(self, cluster: Cluster, options: dict[str, Any]) -> None:
        topic = options["topic"]
        owner = cluster.find(topic)
        handler = owner.handler if owner is not None else None
        selection = make_selection(options)
        parts = browse.extents(cluster, topic)
        shown = 0
        with Progress(self.stderr, 2 * browse.length(parts), "Reading") as progress:
            marks = browse.read_marks(cluster, topic, parts, progress)
            for letter in browse.letters(cluster, topic, parts, progress):
                if not selection.takes(letter, handler):
                    continue
                if options["limit"] and shown == options["limit"]:
                    progress.clear()
                    self.stdout.write(f"There are more than these {shown} letters; --limit shows more.")
                    return
                shown += 1
                progress.clear()
                replayed = marks.holds(*letter.place)
                for line in describe(letter, owner, replayed=replayed, full=options["full"]):
                    self.stdout.write(line)
        selection.check_places(topic)
        if not shown:
            self.stdout.write(f"No dead letter in '{topic}' matches.")

    def do_replay(self, cluster: Cluster, options: dict[str, Any]) -> None:
        topic = options["topic"]
        owner = cluster.find(topic)
        done: list[int] = [0, 0]
        with self.progress_of(cluster, topic) as progress:

            def report(letter: Letter, obstacle: str | None) -> None:
                done[obstacle is not None] += 1
                if obstacle is not None:
                    progress.clear()
                    self.stderr.write(f"{letter}: not replayed: {obstacle}")
                elif options["dry_run"] or options["verbosity"] > 1:
                    progress.clear()
                    target = "its handler" if options["handler"] else f"'{letter.origin(owner)}'"
                    self.stdout.write(f"{letter} to {target}")

            replay = Replay(
                cluster,
                topic,
                owner,
                make_selection(options),
                to_handler=options["handler"],
                dry_run=options["dry_run"],
                report=report,
                progress=progress,
            )
            with replay:
                replay.run()
        word = "would be replayed" if options["dry_run"] else "replayed"
        self.stdout.write(f"{done[0]} {word}, {done[1]} not, {replay.passed} were replayed before.")
        if done[1]:
            sys.exit(1)

    def do_purge(self, cluster: Cluster, options: dict[str, Any]) -> None:
        topic = options["topic"]
        cluster.find(topic)
        parts = browse.extents(cluster, topic)
        with Progress(self.stderr, browse.length(parts), "Counting") as progress:
            count = browse.count(cluster, topic, progress)
        text = f"{count.letters} dead letters in '{topic}', {count.waiting} of them never replayed"
        if not options["yes"] and not self.confirm(f"Delete {text}? This cannot be undone. [y/N] "):
            raise CommandError("Nothing was deleted. --yes deletes without asking.")
        purge(topic, parts)
        self.stdout.write(f"Deleted: {text}.")

    def confirm(self, question: str) -> bool:
        """Ask; no terminal, or anything but a yes, is a no."""
        try:
            return input(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def size(self, cluster: Cluster, topic: str) -> int:
        return browse.length(browse.extents(cluster, topic))

    @contextmanager
    def progress_of(self, cluster: Cluster, topic: str) -> Iterator[Progress]:
        """For reading a topic twice: marks first, then letters."""
        with Progress(self.stderr, 2 * self.size(cluster, topic), "Replaying") as progress:
            yield progress


def add_common(parser: argparse.ArgumentParser, verbosity: str) -> None:
    """Django's own options, which people write at the end of the line; the command's parser has the defaults.

    verbosity: help about that one."""
    unset: Any = argparse.SUPPRESS
    for name in ("--settings", "--pythonpath"):
        parser.add_argument(name, default=unset, help=unset)
    for name in ("--traceback", "--no-color", "--force-color", "--skip-checks"):
        parser.add_argument(name, action="store_true", default=unset, help=unset)
    parser.add_argument("-v", "--verbosity", type=int, choices=range(4), default=unset, help=verbosity)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which letters are meant: those that meet all of these."""
    parser.add_argument(
        "--offset",
        action="append",
        type=argument(parse_place),
        default=[],
        metavar="PARTITION:OFFSET",
        help="The letter at this place of the dead-letter topic. May be repeated.",
    )
    parser.add_argument("--key", help="Letters with this key, as text or as the topic's deserializer returns it.")
    parser.add_argument(
        "--older-than",
        type=argument(parse_age),
        metavar="AGE",
        help="Letters whose message was first produced at least this long ago, such as 2h or 3d.",
    )
    parser.add_argument(
        "--newer-than",
        type=argument(parse_age),
        metavar="AGE",
        help="Letters whose message was first produced within this time.",
    )
    parser.add_argument(
        "--exception",
        metavar="CLASS",
        help="Letters that failed with this exception class, with or without its module.",
    )


def make_selection(options: dict[str, Any]) -> Selection:
    return Selection(
        options["offset"], options["key"], options["older_than"], options["newer_than"], options["exception"]
    )


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """The parser as argparse wants it: its text is the error's."""

    def convert(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
