# SPDX-License-Identifier: MIT
"""python -m tests.chaos [--seconds S] [--seed SEED] [--rate N] [--often EVENT]: run and judge; code 1: a broken
promise."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Collection

from tests.chaos.judge import Verdict
from tests.chaos.plan import EVENTS, make_plan
from tests.chaos.run import Run
from tests.live.servers import kafka, postgres


def run(seed: str, seconds: float, rate: float = 60.0, often: Collection[str] = ()) -> Verdict:
    """A whole run, with its report on standard output."""
    plan = make_plan(seed, seconds, rate, often)
    print(
        f"Chaos: SEED={seed} SECONDS={seconds:g}, {len(plan.messages)} messages, {len(plan.events)} events",
        flush=True,
    )
    for group, config in plan.config.items():
        print(f"  group {group}: {config}")
    one = Run(plan, say=lambda text: print(text, flush=True))
    verdict = one.run()
    print(report(verdict, one), flush=True)
    print(f"{'Nothing was lost' if verdict.ok else 'BROKEN PROMISES'}: SEED={seed} SECONDS={seconds:g}", flush=True)
    return verdict


def report(verdict: Verdict, one: Run) -> str:
    lines = ["", "What happened:"]
    lines += [f"  {count:7}  {what}" for what, count in sorted(one.events.items())]
    lines += [f"  {count:7}  {what}" for what, count in verdict.counts.items()]
    lines += ["What must not happen:"]
    for what, found in verdict.violations.items():
        lines.append(f"  {len(found):7}  {what}")
        lines += [f"             {text}" for text in found[:20]]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", default="")
    parser.add_argument("--rate", type=float, default=60.0, help="messages per second")
    parser.add_argument("--often", action="append", default=[], choices=EVENTS, help="ten times as often; several")
    options = parser.parse_args()
    if reason := kafka.available() or postgres.available():
        print(reason, file=sys.stderr)
        return 2
    seed = options.seed or str(random.SystemRandom().randrange(10**6))
    return 0 if run(seed, options.seconds, options.rate, options.often).ok else 1


if __name__ == "__main__":
    sys.exit(main())
