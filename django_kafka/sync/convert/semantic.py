# SPDX-License-Identifier: MIT
"""What a schema says of a field: the names of Kafka Connect's, Debezium's and Avro's types, and how a connector was
told to write values."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT = "org.apache.kafka.connect.data."
DEBEZIUM = "io.debezium."


@dataclass(frozen=True, slots=True)
class Semantic:
    """name: of the type (`io.debezium.time.Date`), "" when the schema names none. base: the type that carries it.
    scale: of a decimal; of bits, how many there are. items: of an array. null: the schema allows it."""

    name: str = ""
    base: str = ""
    scale: int | None = None
    items: Semantic | None = None
    null: bool = False


@dataclass(frozen=True, slots=True)
class Modes:
    """How the connector writes what no schema tells; "" is to be found out from each value.

    debezium: the message is Debezium's beyond doubt, and so are its forms of values."""

    decimal: str = ""
    binary: str = ""
    time: str = ""
    debezium: bool = False


# Units of an integer that counts time, in nanoseconds.
NANO, MICRO, MILLI, SECOND = 1, 1_000, 1_000_000, 1_000_000_000
DAY = 86_400 * SECOND

DATES = {f"{DEBEZIUM}time.Date": DAY, f"{CONNECT}Date": DAY, "date": DAY}
TIMES = {
    f"{DEBEZIUM}time.Time": MILLI,
    f"{DEBEZIUM}time.MicroTime": MICRO,
    f"{DEBEZIUM}time.NanoTime": NANO,
    f"{CONNECT}Time": MILLI,
    "time-millis": MILLI,
    "time-micros": MICRO,
}
TIMESTAMPS = {
    f"{DEBEZIUM}time.Timestamp": MILLI,
    f"{DEBEZIUM}time.MicroTimestamp": MICRO,
    f"{DEBEZIUM}time.NanoTimestamp": NANO,
    f"{CONNECT}Timestamp": MILLI,
    "timestamp-millis": MILLI,
    "timestamp-micros": MICRO,
    "timestamp-nanos": NANO,
    "local-timestamp-millis": MILLI,
    "local-timestamp-micros": MICRO,
    "local-timestamp-nanos": NANO,
}
DURATIONS = {f"{DEBEZIUM}time.MicroDuration": MICRO, f"{DEBEZIUM}time.NanoDuration": NANO}
UNITS = {**DATES, **TIMES, **TIMESTAMPS, **DURATIONS}

DECIMALS = frozenset({f"{CONNECT}Decimal", "decimal"})
VARIABLE_DECIMAL = f"{DEBEZIUM}data.VariableScaleDecimal"
JSON = f"{DEBEZIUM}data.Json"
BITS = f"{DEBEZIUM}data.Bits"
ENUM_SET = f"{DEBEZIUM}data.EnumSet"

NONE = Semantic()
