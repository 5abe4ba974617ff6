# SPDX-License-Identifier: MIT
"""What a PostgreSQL needs so that Debezium can follow its changes: settings, slot, publication, rights, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django_kafka.connect.connector import MIGRATE, Prerequisite

Quote = Callable[[str], str]


@dataclass(frozen=True)
class Needs:
    """tables: (schema, table). flagged: those of them whose deletions are left out by their kafka_skip."""

    role: str
    slot: str
    publication: str
    tables: list[tuple[str, str]]
    flagged: frozenset[tuple[str, str]] = frozenset()


def look(cursor: Any, needs: Needs, quote: Quote) -> Iterator[Prerequisite]:
    """What is missing. cursor: of a connection to the database, of any role that may connect."""
    yield from _server(cursor, needs)
    yield from _slots(cursor, needs)
    yield from _role(cursor, needs, quote)
    yield from _tables(cursor, needs, quote)
    yield from _publication(cursor, needs, quote)


def _server(cursor: Any, needs: Needs) -> Iterator[Prerequisite]:
    if (level := _one(cursor, "SHOW wal_level")) != "logical":
        remedy = "ALTER SYSTEM SET wal_level = 'logical';  -- then restart PostgreSQL"
        yield Prerequisite("error", f"wal_level is {level}, not logical.", remedy)
    most = int(_one(cursor, "SHOW max_replication_slots"))
    cursor.execute("SELECT count(*), count(*) FILTER (WHERE slot_name = %s) FROM pg_replication_slots", [needs.slot])
    taken, own = cursor.fetchone()
    if taken >= most and not own:
        remedy = f"ALTER SYSTEM SET max_replication_slots = {most + 10};  -- then restart PostgreSQL"
        yield Prerequisite("error", f"All {most} replication slots are taken.", remedy)


def _slots(cursor: Any, needs: Needs) -> Iterator[Prerequisite]:
    cursor.execute(
        "SELECT slot_name, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) "
        "FROM pg_replication_slots WHERE NOT active AND slot_type = 'logical' AND database = current_database() "
        "AND NOT pg_is_in_recovery() ORDER BY slot_name"
    )
    for name, status, size in cursor.fetchall():
        remedy = f"SELECT pg_drop_replication_slot({_literal(name)});"
        if name != needs.slot:
            text = f"Nobody reads the replication slot {name}; PostgreSQL keeps {size} of its log for it."
            yield Prerequisite("warning", text, remedy + "  -- unless its connector comes back")
        elif status == "lost":
            text = (
                f"The slot {name} is lost: PostgreSQL has removed log that it had not read. A new snapshot is needed."
            )
            yield Prerequisite("error", text, remedy)


def _role(cursor: Any, needs: Needs, quote: Quote) -> Iterator[Prerequisite]:
    cursor.execute("SELECT rolreplication OR rolsuper, rolcanlogin FROM pg_roles WHERE rolname = %s", [needs.role])
    row = cursor.fetchone()
    name = quote(needs.role)
    if row is None:
        yield Prerequisite("error", f"There is no role {needs.role!r}.", f"CREATE ROLE {name} LOGIN REPLICATION;")
        return
    if not row[0]:
        text = f"The role {needs.role} may not replicate."
        yield Prerequisite("error", text, f"ALTER ROLE {name} REPLICATION;")
    if not row[1]:
        yield Prerequisite("error", f"The role {needs.role} may not log in.", f"ALTER ROLE {name} LOGIN;")


def _tables(cursor: Any, needs: Needs, quote: Quote) -> Iterator[Prerequisite]:
    for schema, table in needs.tables:
        full = f"{quote(schema)}.{quote(table)}"
        cursor.execute(
            "SELECT c.relreplident, EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) "
            "FROM pg_class c WHERE c.oid = to_regclass(%s)",
            [full],
        )
        row = cursor.fetchone()
        if row is None:
            yield Prerequisite("error", f"There is no table {full}.", MIGRATE)
            continue
        identity, has_key = row
        if identity == "n" or (identity == "d" and not has_key):
            text = f"{full} has no replica identity: PostgreSQL would refuse updates and deletes of its rows."
            yield Prerequisite("error", text, f"ALTER TABLE {full} REPLICA IDENTITY FULL;")
        elif identity != "f" and (schema, table) in needs.flagged:
            text = (
                f"{full} has no REPLICA IDENTITY FULL: a deleted row does not say its kafka_skip, and deletions that "
                "came from Kafka are sent again."
            )
            yield Prerequisite("warning", text, f"ALTER TABLE {full} REPLICA IDENTITY FULL;")
        cursor.execute(
            "SELECT has_table_privilege(r.oid, to_regclass(%s), 'SELECT') FROM pg_roles r WHERE r.rolname = %s",
            [full, needs.role],
        )
        if (row := cursor.fetchone()) is not None and not row[0]:
            text = f"The role {needs.role} may not read {full}."
            remedy = f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(needs.role)}; "
            yield Prerequisite("error", text, f"{remedy}GRANT SELECT ON {full} TO {quote(needs.role)};")


def _publication(cursor: Any, needs: Needs, quote: Quote) -> Iterator[Prerequisite]:
    name = quote(needs.publication)
    cursor.execute(
        "SELECT puballtables, ARRAY(SELECT schemaname || '.' || tablename FROM pg_publication_tables "
        "WHERE pubname = p.pubname) FROM pg_publication p WHERE pubname = %s",
        [needs.publication],
    )
    row = cursor.fetchone()
    if row is not None:
        if row[0]:
            return
        for schema, table in needs.tables:
            if f"{schema}.{table}" not in row[1]:
                full = f"{quote(schema)}.{quote(table)}"
                text = f"The publication {needs.publication} leaves out {full}. Debezium adds it if it owns both."
                yield Prerequisite("warning", text, f"ALTER PUBLICATION {name} ADD TABLE {full};")
        return
    cursor.execute(
        "SELECT rolsuper OR has_database_privilege(oid, current_database(), 'CREATE') FROM pg_roles "
        "WHERE rolname = %s",
        [needs.role],
    )
    if (row := cursor.fetchone()) is not None and not row[0]:
        tables = ", ".join(f"{quote(schema)}.{quote(table)}" for schema, table in needs.tables)
        text = f"There is no publication {needs.publication}, and the role {needs.role} may not create it."
        yield Prerequisite("error", text, f"CREATE PUBLICATION {name} FOR TABLE {tables};")


def _one(cursor: Any, sql: str) -> Any:
    cursor.execute(sql)
    return cursor.fetchone()[0]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
