"""One simulated Business Central for each world, shared by its API and its control routes."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sandbox.bc import switches
from sandbox.bc.company import Company, Environment, build_environments
from sandbox.bc.deadlocks import Deadlocks
from sandbox.bc.limits import Gate
from sandbox.world import World


class State:
    """The environments as they are now; a reset of the world builds them anew."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.environments: dict[str, Environment] = {}
        self.gone: dict[str, Environment] = {}  # those deleted, by lower-case name as the others
        self.gate = Gate(world)
        self.deadlocks = Deadlocks()
        switches.register(world)

    def build(self) -> None:
        self.gone = {}
        self.deadlocks = Deadlocks()
        self.environments = build_environments(self.world.data.bc, self.world.clock)
        self.gate = Gate(self.world)

    def company(self, name_or_id: str) -> tuple[Environment, Company] | None:
        """A company of any environment."""
        for environment in self.environments.values():
            company = environment.company(name_or_id)
            if company is not None:
                return environment, company
        return None


_STATES: WeakKeyDictionary[World, State] = WeakKeyDictionary()


def state_of(world: World) -> State:
    """The world's Business Central, built at the first call."""
    state = _STATES.get(world)
    if state is None:
        state = _STATES[world] = State(world)
        world.on_reset(state.build)
    return state
