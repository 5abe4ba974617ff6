# SPDX-License-Identifier: MIT
"""Avro in memory: dicts to bytes and back, this library beside fastavro and confluent's (de)serializers.

One record of eight fields and about 200 bytes, in Confluent's framing. All run in one process, in interleaved rounds
(see contestants/avro_memory.py).
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.run import CONTESTANTS, Contestant, Part, Result, bars_of, main, median, progress
from tests.live.servers.process import CACHE

SECONDS = 0.5  # of each contestant in a round
BARS = {
    "decode": (("this library", "fastavro", 10), ("this library", "confluent", 40)),
    "encode": (("this library", "fastavro", 12), ("this library", "confluent", 20)),
}


class AvroPart(Part):
    name = "avro"

    def prepare(self) -> None:
        """Nothing: no broker is needed."""

    def measure(self, one: Contestant) -> Result:
        raise NotImplementedError("all are measured in one process")

    def rounds(self) -> dict[str, list[Result]]:
        """One process for all rounds."""
        progress(f"{self.name}: {self.runs} rounds")
        one = Contestant("all", "avro_memory.py")
        env = self.bench.environment(one, BENCH_ROUNDS=str(self.runs), BENCH_SECONDS=str(SECONDS))
        command = [sys.executable, str(CONTESTANTS / one.script)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=CACHE, check=False)
        if done.returncode != 0:
            raise SystemExit(f"\n{one.script} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        results: dict[str, list[Result]] = {}
        for line in done.stdout.splitlines():
            run = json.loads(line)
            results.setdefault(f"{run['what']}/{run['who']}", []).append(run)
            self.bench.note(self.name, f"{run['what']}, {run['who']}", {"rate": run["rate"]})
        progress("")
        return results

    def table(self, results: dict[str, list[Result]]) -> None:
        for what, bars in BARS.items():
            found = {title: runs for title, runs in results.items() if title.startswith(what)}
            rates = {title.split("/")[1]: median(runs, lambda run: run["rate"]) for title, runs in found.items()}
            heading = f"Avro in memory, {what}; medians of {self.runs}"
            print(f"\n{heading:43}{'values/s':>12}{'x fastavro':>12}{'x confluent':>13}")
            for who, rate in rates.items():
                ratios = [rate / rates[other] for other in ("fastavro", "confluent")]
                print(f"  {who:41}{rate:>12,.0f}{ratios[0]:>12.1f}{ratios[1]:>13.1f}")
            bars_of(rates, bars)


if __name__ == "__main__":
    main([AvroPart], "python -m bench.avro")
