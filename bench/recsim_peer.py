"""The other side of `bench/recsim.py`: the official library, in its own pinned environment (TensorFlow 2.15).

Reads "kind users steps" on standard input and answers with JSON: seconds of wall and processor time, and mean welfare.
"""

import json
import sys
import time

import numpy as np
import tensorflow as tf
from recsim_ng.applications.ecosystem_simulation import simulation_config
from recsim_ng.core import network as network_lib
from recsim_ng.lib.tensorflow import runtime

topics = np.load(sys.argv[1]).astype(np.float32)
prepared = {}


def prepare(kind: str, users: int, steps: int):
    variables = simulation_config.create_viable_provider_simulation_network(topics, num_users=users)
    network = network_lib.Network(variables=variables)
    engine = runtime.TFRuntime(network=network, graph_compile=kind == "shipped")

    def once():
        final = engine.execute(num_steps=steps)
        return tf.reduce_mean(network_lib.find_unique_field(final, field_name="cumulative_reward")[1])

    return tf.function(once, jit_compile=kind == "xla")


for line in sys.stdin:
    kind, users, steps = line.split()
    key = (kind, int(users), int(steps))
    if key not in prepared:
        prepared[key] = prepare(*key)
        prepared[key]()
    wall, cpu = time.perf_counter(), time.process_time()
    welfare = float(prepared[key]())
    print(
        json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "welfare": welfare}),
        flush=True,
    )
