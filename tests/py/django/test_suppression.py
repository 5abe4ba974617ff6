# SPDX-License-Identifier: MIT
"""producer.suppress and producer.unsuppress, wherever Python can take them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from django_kafka import producer
from django_kafka.producer import Suppression, suppress, unsuppress


def active(*topics: str) -> list[bool]:
    return [Suppression.active(topic) for topic in topics]


def test_nothing_is_suppressed_by_itself() -> None:
    assert not Suppression.active()
    assert not Suppression.active("a")


def test_all_topics() -> None:
    with suppress():
        assert Suppression.active()
        assert active("a", "b") == [True, True]
    assert active("a") == [False]


def test_some_topics() -> None:
    with suppress(["a"]):
        assert active("a", "b") == [True, False]
        assert not Suppression.active()


def test_nesting_adds() -> None:
    with suppress(["a"]), suppress(["b"]):
        assert active("a", "b", "c") == [True, True, False]
    with suppress(), suppress(["a"]):
        assert active("b") == [True]
    with suppress(["a"]), suppress([]):
        assert active("a", "b") == [True, False]


def test_unsuppress_inside() -> None:
    with suppress():
        with unsuppress():
            assert active("a") == [False]
            with suppress(["b"]):
                assert active("a", "b") == [False, True]
        assert active("a") == [True]


@pytest.mark.parametrize("topics", [("a",), "a", {"a"}, 1])
def test_other_types_are_refused(topics: object) -> None:
    with pytest.raises(ValueError, match="invalid producer suppression setting"):
        Suppression(topics)  # type: ignore[arg-type]


def test_decorators() -> None:
    @suppress
    def bare() -> list[bool]:
        return active("a", "b")

    @suppress()
    def called() -> list[bool]:
        return active("a", "b")

    @suppress(["a"])
    def listed() -> list[bool]:
        """Doc."""
        return active("a", "b")

    @unsuppress
    def open_bare() -> list[bool]:
        return active("a", "b")

    @unsuppress()
    def open_called() -> list[bool]:
        return active("a", "b")

    assert bare() == called() == [True, True]
    assert listed() == [True, False]
    assert (listed.__name__, listed.__doc__) == ("listed", "Doc.")
    with suppress():
        assert open_bare() == open_called() == [False, False]


def test_decorated_methods() -> None:
    class Thing:
        @suppress(["a"])
        def method(self, x: int, *, y: int) -> tuple[object, int, int, list[bool]]:
            return self, x, y, active("a", "b")

    thing = Thing()
    assert thing.method(1, y=2) == (thing, 1, 2, [True, False])


def test_d12_surroundings_count_when_called_not_when_decorated() -> None:
    with suppress(["outer"]):

        @suppress(["inner"])
        def decorated_inside() -> list[bool]:
            return active("outer", "inner")

        @unsuppress
        def opened() -> list[bool]:
            return active("outer")

    assert decorated_inside() == [False, True]
    with suppress(["outer"]):
        assert decorated_inside() == [True, True]
        assert opened() == [False]


def test_d12_recursion_leaves_nothing_behind() -> None:
    @suppress(["a"])
    def down(n: int) -> list[bool]:
        return active("a", "b") if n == 0 else down(n - 1)

    assert down(5) == [True, False]
    assert active("a") == [False]


def test_d12_one_object_entered_twice() -> None:
    same = suppress(["a"])
    with same:
        with same:
            assert active("a") == [True]
        assert active("a") == [True]
    assert active("a") == [False]


def test_exception_ends_it() -> None:
    with pytest.raises(KeyError), suppress():
        raise KeyError
    assert not Suppression.active()


def test_d12_threads_do_not_see_each_other() -> None:
    same = suppress(["a"])
    inside, leave = threading.Barrier(2), threading.Event()
    seen: dict[str, object] = {}

    def first() -> None:
        with same:
            inside.wait(5)
            leave.wait(5)
            seen["first"] = active("a")
        seen["after"] = active("a")

    def second() -> None:
        inside.wait(5)
        seen["second before"] = active("a")
        with same:
            seen["second"] = active("a")
        leave.set()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == {"second before": [False], "second": [True], "first": [True], "after": [False]}


def test_d12_async_functions_are_covered_while_they_run() -> None:
    gate = asyncio.Event()

    @suppress(["a"])
    async def suppressed() -> tuple[bool, bool]:
        before = Suppression.active("a")
        await gate.wait()
        return before, Suppression.active("a")

    async def other() -> bool:
        value = Suppression.active("a")
        gate.set()
        return value

    async def main() -> object:
        nonlocal gate
        gate = asyncio.Event()
        return await asyncio.gather(suppressed(), other(), suppressed()), Suppression.active("a")

    assert asyncio.run(main()) == ([(True, True), False, (True, True)], False)


def test_generators_are_covered_between_yields_only() -> None:
    @suppress
    def numbers() -> object:
        try:
            while True:
                got = yield Suppression.active()
                if got == "stop":
                    return "done"
        except KeyError:
            yield "caught", Suppression.active()

    generator = numbers()
    assert next(generator) is True
    assert not Suppression.active()
    assert generator.send("more") is True
    with pytest.raises(StopIteration) as end:
        generator.send("stop")
    assert end.value.value == "done"
    generator = numbers()
    next(generator)
    assert generator.throw(KeyError) == ("caught", True)
    generator.close()
    assert not Suppression.active()


def test_closing_a_generator_runs_its_clean_up_suppressed() -> None:
    seen = []

    @suppress
    def one() -> object:
        try:
            yield 1
        finally:
            seen.append(Suppression.active())

    generator = one()
    next(generator)
    generator.close()
    assert seen == [True]


def test_asynchronous_generators() -> None:
    @suppress
    async def numbers() -> object:
        try:
            for _ in range(2):
                yield Suppression.active()
        except KeyError:
            yield "caught"

    async def main() -> list[object]:
        seen: list[object] = []
        async for value in numbers():
            seen += [value, Suppression.active()]
        generator = numbers()
        await generator.__anext__()
        seen.append(await generator.athrow(KeyError))
        await generator.aclose()
        return seen

    assert asyncio.run(main()) == [True, False, True, False, "caught"]


def test_ranges_that_end_in_another_order() -> None:
    first, second = suppress(["a"]), suppress(["b"])
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert active("a", "b") == [False, True]
    second.__exit__(None, None, None)
    assert active("a", "b") == [False, False]
    second.__exit__(None, None, None)  # once too often harms nobody
    assert active("b") == [False]


def test_module_is_used_as_in_the_readme() -> None:
    @producer.suppress(["topic1"])
    def save() -> list[bool]:
        with producer.unsuppress():
            assert active("topic1") == [False]
        return active("topic1", "topic2")

    assert save() == [True, False]
