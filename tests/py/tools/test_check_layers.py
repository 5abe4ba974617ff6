# SPDX-License-Identifier: MIT
"""The check of who includes what finds what it is there for."""

from __future__ import annotations

from tools import check_layers

DOOR = """
#define REQUIRED(XX) XX(rd_kafka_new) XX(rd_kafka_poll) XX(rd_kafka_epoch)
#ifdef TABLE
#define rd_kafka_new(...) table.rd_kafka_new(__VA_ARGS__)
#define rd_kafka_poll(...) table.rd_kafka_poll(__VA_ARGS__)
#endif
static inline int epoch(void) { return rd_kafka_epoch(); }
#endif
"""


def test_functions_of_librdkafka_that_nobody_calls() -> None:
    sources = ["rk = rd_kafka_new(conf);", "rd_kafka_polling = 1;"]
    assert check_layers.unused_functions(DOOR, sources) == ["rd_kafka_poll"]


def test_statuses_that_nobody_returns() -> None:
    header = '    XX(OK, 0, "fine")\n    XX(EBUSY, -2, "busy")\n    XX(EFOO, -3, "foo")\n'
    assert check_layers.unused_statuses(header, ["return DK_EBUSY;", "DK_EFOOD"]) == ["EFOO"]


def test_the_most_special_layer_counts() -> None:
    assert check_layers.layer_of("src/kafka/consumer/batch.c") == "src/kafka/consumer"
    assert check_layers.layer_of("src/kafka/client/conf.c") == "src/kafka"
    assert check_layers.layer_of("binding/module.c") == "binding"
