/* SPDX-License-Identifier: MIT
 *
 * The names of semantic types: Kafka Connect's and Debezium's.
 */
#include "pg/reader.h"

static const struct {
    const char *name;
    dk__pg_meaning_code code;
} names[] = {
    {"io.debezium.time.Date", DK__PG_DAYS},
    {"io.debezium.time.Time", DK__PG_TIME_MILLIS},
    {"io.debezium.time.MicroTime", DK__PG_TIME_MICROS},
    {"io.debezium.time.NanoTime", DK__PG_TIME_NANOS},
    {"io.debezium.time.Timestamp", DK__PG_MILLIS},
    {"io.debezium.time.MicroTimestamp", DK__PG_MICROS},
    {"io.debezium.time.NanoTimestamp", DK__PG_NANOS},
    {"io.debezium.time.MicroDuration", DK__PG_SPAN_MICROS},
    {"io.debezium.time.NanoDuration", DK__PG_SPAN_NANOS},
    {"org.apache.kafka.connect.data.Date", DK__PG_DAYS},
    {"org.apache.kafka.connect.data.Time", DK__PG_TIME_MILLIS},
    {"org.apache.kafka.connect.data.Timestamp", DK__PG_MILLIS},
    {"org.apache.kafka.connect.data.Decimal", DK__PG_DECIMAL},
    {"io.debezium.data.VariableScaleDecimal", DK__PG_DECIMAL},
    {"io.debezium.data.Json", DK__PG_DOCUMENT},
    {"io.debezium.data.Uuid", DK__PG_UUID},
    {"io.debezium.data.Bits", DK__PG_BITS},
    {"io.debezium.data.geometry.Geometry", DK__PG_OPAQUE},
    {"io.debezium.data.geometry.Geography", DK__PG_OPAQUE},
    {"io.debezium.data.geometry.Point", DK__PG_OPAQUE},
    {"io.debezium.data.SparseDoubleVector", DK__PG_OPAQUE},
};

dk__pg_meaning
dk__pg_meaning_of(const char *name, int32_t scale)
{
    size_t i;

    for (i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return (dk__pg_meaning){(uint8_t)names[i].code, scale};
    return (dk__pg_meaning){DK__PG_PLAIN, 0};
}
