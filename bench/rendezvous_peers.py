"""The other sides of `bench/rendezvous_world.py`: VMAS and JaxNav, each in a process of its own.

Prints a line when it is ready; then, for every line on standard input, makes a round and answers with JSON: steps of
all worlds together, and processor seconds.

    python bench/rendezvous_peers.py FOLDER vmas|jaxnav WORLDS
"""

import json
import math
import sys
import time
import types
from pathlib import Path

ROBOTS, BEAMS, REACH, VIEW = 2, 64, 5.0, math.radians(220)


def vmas_round(worlds):
    """Two differential drives, ten discs, ten walls, 64 rays; VMAS also solves contact forces."""
    import torch
    from vmas import make_env
    from vmas.simulator.core import Agent, Landmark, Line, Sphere, World
    from vmas.simulator.dynamics.diff_drive import DiffDrive
    from vmas.simulator.scenario import BaseScenario
    from vmas.simulator.sensors import Lidar

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)

    class Scenario(BaseScenario):
        def make_world(self, batch_dim, device, **kwargs):
            world = World(batch_dim, device)
            for number in range(ROBOTS):
                eye = Lidar(world, angle_start=-VIEW / 2, angle_end=VIEW / 2, n_rays=BEAMS, max_range=REACH)
                agent = Agent(f"agent_{number}", shape=Sphere(0.2), sensors=[eye], dynamics=DiffDrive(world))
                world.add_agent(agent)
            for number in range(10):
                world.add_landmark(Landmark(f"disc {number}", collide=True, shape=Sphere(0.3)))
                world.add_landmark(Landmark(f"wall {number}", collide=True, shape=Line(length=3.0)))
            return world

        def reset_world_at(self, env_index=None):
            for entity in self.world.entities:
                shape = (1, 2) if env_index is not None else (self.world.batch_dim, 2)
                entity.set_pos(torch.empty(shape).uniform_(-5, 5), batch_index=env_index)
                entity.set_rot(torch.empty(shape[0], 1).uniform_(-3, 3), batch_index=env_index)

        def observation(self, agent):
            return torch.cat([agent.sensors[0].measure(), agent.state.pos, agent.state.vel], dim=-1)

        def reward(self, agent):
            return torch.zeros(self.world.batch_dim)

    env = make_env(Scenario(), num_envs=worlds, device="cpu", continuous_actions=True, seed=0)
    env.reset()
    action = [torch.tensor([[0.5, 0.3]]).repeat(worlds, 1) for _ in range(ROBOTS)]
    count = max(4, 640 // worlds)

    def run():
        for _ in range(count):
            env.step(action)
        return count * worlds

    return run


def jaxnav_round(worlds):
    """JaxNav with as many robots, beams, angles and metres, in a compiled scan of vmapped worlds."""
    import jax
    import jax.numpy as jnp
    from jaxmarl.environments.jaxnav.jaxnav_env import JaxNav

    env = JaxNav(
        num_agents=ROBOTS, lidar_num_beams=BEAMS, lidar_max_range=REACH, lidar_angle_factor=math.degrees(VIEW) / 360
    )
    count = max(8, 1280 // worlds)
    _, states = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), worlds))

    @jax.jit
    def roll(states, key):
        def one(carried, key):
            states, seen = carried
            # what was seen goes into the next action, so that nothing can be left out
            actions = {name: jnp.tile(jnp.array([0.5, 0.3]) + 1e-9 * seen, (worlds, 1)) for name in env.agents}
            observed, states, *_ = jax.vmap(env.step_env)(jax.random.split(key, worlds), states, actions)
            return (states, sum(view.mean() for view in observed.values())), None

        return jax.lax.scan(one, (states, 0.0), jax.random.split(key, count))[0]

    def run():
        jax.block_until_ready(roll(states, jax.random.key(1)))
        return count * worlds

    return run


def main():
    folder, peer, worlds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    sys.path.append(str(folder))
    # their packages import every game there is, with libraries of their own; only this one is wanted
    for name in ("jaxmarl", "jaxmarl.environments"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder / name.replace(".", "/"))]
    run = {"vmas": vmas_round, "jaxnav": jaxnav_round}[peer](worlds)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.process_time()
        steps = run()
        print(json.dumps({"steps": steps, "seconds": time.process_time() - began}), flush=True)


if __name__ == "__main__":
    main()
