# SPDX-License-Identifier: MIT
"""All parts of the benchmark in turn, against one real broker; the medians side by side.

    python -m bench [--messages N] [--runs R] [--only PART ...] [--output FILE]

Each part is a module that can be run alone, too: `python -m bench.consume`, `.produce`, `.start`, `.failures`,
`.avro` (in memory), `.avro_consume`, `.avro_produce`, `.avro_requests`, `.sync`. Each contestant is a process of its
own; of the Avro contestants in memory all share one.
"""

from __future__ import annotations

from bench.avro import AvroPart
from bench.avro_consume import AvroConsumePart
from bench.avro_produce import AvroProducePart
from bench.avro_requests import AvroRequestsPart
from bench.consume import ConsumePart
from bench.failures import FailuresPart
from bench.produce import ProducePart
from bench.run import main
from bench.start import StartPart
from bench.sync import SyncMemoryPart, SyncPart

PARTS = (
    ConsumePart,
    ProducePart,
    StartPart,
    AvroPart,
    AvroConsumePart,
    AvroProducePart,
    AvroRequestsPart,
    FailuresPart,
    SyncPart,
    SyncMemoryPart,
)

if __name__ == "__main__":
    main(PARTS, "make bench")
