"""Links whose write was carried out although its answer was lost: the client repeats it, and finds them there."""

from __future__ import annotations

from collections.abc import Iterable

from bc.model import Link
from tests.imports.imports_world import World, a_bc_customer


async def test_what_waits_for_a_link_is_woken_though_the_answer_to_its_write_was_lost() -> None:
    world = World()
    world.bc.rows = [a_bc_customer(n) for n in range(1, 4)]
    create = world.links.create_many

    async def twice(links: Iterable[Link]) -> list[Link]:
        wanted = list(links)
        await create(wanted)
        return await create(wanted)

    world.links.create_many = twice  # type: ignore[method-assign]
    job = await world.run()
    assert (job.created, job.failed) == (3, 0)
    assert len(world.cured) == 3
    assert len(world.halo.links) == 3
