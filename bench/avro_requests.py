# SPDX-License-Identifier: MIT
"""How often the registry is asked, when messages of two schemas are produced to two topics and consumed.

Counted, not timed, so each contestant runs once.
"""

from __future__ import annotations

from bench.registry import Registry
from bench.run import PARTITIONS, PEER, Contestant, Part, Result, main

OURS = "this library, AvroTopic"
OF_PEER = "django-kafka 5.1.2 (peer), AvroTopic"


class AvroRequestsPart(Part):
    name = "avro-requests"
    contestants = (
        Contestant(OURS, "avro_requests.py"),
        Contestant(OF_PEER, "avro_requests.py", python=PEER, fewer=500),
    )

    @property
    def runs(self) -> int:
        return 1

    def prepare(self) -> None:
        self.registry = self.stack.enter_context(Registry())

    def measure(self, one: Contestant) -> Result:
        topic = f"requests-{self.bench.number()}"
        for name in ("orders", "returns"):
            self.bench.kafka.create_topic(f"{topic}-{name}", PARTITIONS)
        self.registry.reset()
        messages = self.bench.messages // one.fewer
        result = self.bench.script(one, topic, messages, BENCH_REGISTRY=self.registry.url)
        asked = {what.replace(f"{topic}-", ""): count for what, count in sorted(self.registry.requests.items())}
        return {**result, "asked": asked}

    def table(self, results: dict[str, list[Result]]) -> None:
        print("\nRequests to the registry, messages of two schemas produced and consumed")
        for title, (run,) in results.items():
            total = sum(run["asked"].values())
            print(f"  {title:41}{run['messages']:>12,} messages{total:>10,} requests")
            for what, count in run["asked"].items():
                print(f"      {what:41}{count:>28,}")
        asked = results[OURS][0]["asked"]
        wanted = dict.fromkeys(asked, 1)
        print(f"  this library: one per schema and subject{'' if asked == wanted else ', MISSED'}")


if __name__ == "__main__":
    main([AvroRequestsPart], "python -m bench.avro_requests")
