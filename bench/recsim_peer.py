"""The other side of `bench/recsim.py`: the official library, in its own pinned environment (TensorFlow 2.15).

Reads JSON requests on standard input, one a line, and answers each with JSON: seconds of wall and processor time, and
what was computed. "shipped" is the library's graph mode, "xla" the same wrapped by us in XLA, which it does not do.
"""

import json
import resource
import sys
import time

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from recsim_ng.applications.ecosystem_simulation import simulation_config as ecosystem
from recsim_ng.applications.latent_variable_model_learning import simulation_config as latent
from recsim_ng.core import network as network_lib
from recsim_ng.core.value import Value
from recsim_ng.lib.tensorflow import log_probability, runtime

topics = np.load(sys.argv[1]).astype(np.float32)
prepared = {}


def simulation(kind, users, steps, boost=1.2):
    """Steps of the ecosystem; returns mean cumulative utility and the providers' clicks."""
    variables = ecosystem.create_viable_provider_simulation_network(topics, users, boost)
    network = network_lib.Network(variables=variables)
    engine = runtime.TFRuntime(network=network, graph_compile=kind == "shipped")

    def once():
        final = engine.execute(num_steps=steps)
        reward = tf.reduce_mean(network_lib.find_unique_field(final, field_name="cumulative_reward")[1])
        pulls = network_lib.find_unique_field(final, field_name="provider_pulls")[1]
        return reward, tf.reduce_sum(pulls, axis=0)

    return tf.function(once, jit_compile=kind == "xla")


def density(path, users, sensitivity, shipped):
    """Log-probability of our trajectory under the latent-variable story, as a function of the intents."""
    given = np.load(path)
    steps = len(given["choice"])
    story = latent.create_latent_variable_model_network(
        num_users=users, num_topics=3, slate_size=4, satisfaction_sensitivity=sensitivity
    )

    def of(intent):
        state = Value(
            intent=tf.repeat(intent[None], steps, axis=0),
            satisfaction=tf.constant(given["satisfaction"]),
            max_slate_utility=tf.constant(given["best"]),
        )
        trajectory = {
            "user state": state,
            "slate docs": Value(features=tf.constant(given["slate"])),
            "user response": Value(choice=tf.constant(given["choice"], tf.int32)),
        }
        return log_probability.log_probability_from_value_trajectory(
            variables=story, value_trajectory=trajectory, num_steps=steps - 1, graph_compile=shipped
        )

    return of, tf.constant(given["intent"])


def gradient(kind, users, path):
    """Log-probability and its derivative in the memory of satisfaction."""
    memory = tf.Variable(tf.fill((users,), 0.8))
    of, intent = density(path, users, memory, kind == "shipped")

    def once():
        with tf.GradientTape() as tape:
            value = of(intent)
        return value, tape.gradient(value, memory)

    return tf.function(once, jit_compile=kind == "xla")


def hmc(kind, users, path, iterations, step):
    """Hamiltonian Monte Carlo over intents: the kernel of the library's own demonstration, with a step size given."""
    of, intent = density(path, users, tf.fill((users,), 0.8), kind == "shipped")
    kernel = tfp.mcmc.HamiltonianMonteCarlo(target_log_prob_fn=of, num_leapfrog_steps=5, step_size=step)

    def once():
        draws, accepted = tfp.mcmc.sample_chain(
            num_results=iterations,
            current_state=intent,
            kernel=kernel,
            trace_fn=lambda _, results: results.is_accepted,
        )
        return tf.reduce_mean(draws), tf.reduce_mean(tf.cast(accepted, tf.float32))

    return tf.function(once, jit_compile=kind == "xla")


JOBS = {"simulation": simulation, "gradient": gradient, "hmc": hmc}

for line in sys.stdin:
    request = json.loads(line)
    if line not in prepared:
        prepared[line] = JOBS[request["job"]](**request["options"])
        prepared[line]()
    wall, cpu = time.perf_counter(), time.process_time()
    values = [np.asarray(value, np.float64) for value in prepared[line]()]
    answer = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "values": [value.tolist() for value in values],
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    print(json.dumps(answer), flush=True)
