"""How many requests are at a server at once, after it was overrun."""

import asyncio

from capenh_pipeline.models.llm_window import Window


async def entered(window, count):
    """Return how many of `count` tasks get in, and leave the others waiting."""
    inside = []

    async def come_in():
        await window.enter()
        inside.append(1)

    tasks = [asyncio.create_task(come_in()) for _ in range(count)]
    await turns()
    return inside, tasks


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_as_many_as_allowed_get_in_and_each_that_leaves_lets_one_in():
    async def scene():
        window = Window(3)
        inside, tasks = await entered(window, 5)
        assert len(inside) == 3
        window.leave()
        await turns()
        assert len(inside) == 4
        window.leave()
        await asyncio.gather(*tasks)

    asyncio.run(scene())


def test_it_halves_and_grows_with_every_answer():
    async def scene():
        window = Window(8)
        for expected in (4, 2, 1, 1):
            window.halve()
            assert window.size == expected
        inside, tasks = await entered(window, 20)
        assert len(inside) == 1
        for expected in (2, 3, 4, 5, 6, 7, 8, 8, 8):
            window.widen()
            await turns()
            assert window.size == len(inside) == expected
        window.shrink()
        assert window.size == 1
        for task in tasks:
            task.cancel()

    asyncio.run(scene())


def test_one_that_is_cancelled_while_it_waits_costs_nobody_a_place():
    async def scene():
        window = Window(1)
        inside, tasks = await entered(window, 3)
        tasks[1].cancel()
        await turns()
        window.leave()
        await turns()
        assert len(inside) == 2
        await tasks[2]

    asyncio.run(scene())


def test_one_that_is_cancelled_with_its_turn_in_hand_passes_it_on():
    async def scene():
        window = Window(1)
        inside, tasks = await entered(window, 3)
        window.leave()
        tasks[1].cancel()
        await turns()
        assert len(inside) == 2
        await tasks[2]

    asyncio.run(scene())
