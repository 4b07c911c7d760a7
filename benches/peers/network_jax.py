"""Action and gradient of a network by JAX (jit, CPU, f64, one thread).

Prints the median CPU microseconds for each case that the arguments name, as
widths and pairs: 64-30-10:1000. Needs the package jax.
"""

import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def action(states, weights, biases, inputs, outputs, rm, rf):
    total = 0.5 * rm * jnp.sum((states[0] - inputs) ** 2)
    total += 0.5 * rm * jnp.sum((states[-1] - outputs) ** 2)
    for n, (w, b) in enumerate(zip(weights, biases)):
        total += 0.5 * rf * jnp.sum((states[n + 1] - jax.nn.sigmoid(states[n] @ w.T + b)) ** 2)
    return total


evaluate = jax.jit(jax.value_and_grad(action, argnums=(0, 1, 2)))

for case in sys.argv[1:]:
    layers, pairs = case.split(":")
    widths = [int(w) for w in layers.split("-")]
    draw = np.random.default_rng(1)
    states = [jnp.array(draw.random((int(pairs), w))) for w in widths]
    weights = [jnp.array(draw.standard_normal((b, a))) for a, b in zip(widths, widths[1:])]
    biases = [jnp.array(draw.standard_normal(w)) for w in widths[1:]]
    arguments = (states, weights, biases, states[0] + 0.1, states[-1] + 0.1, 1.0, 3.0)
    jax.block_until_ready(evaluate(*arguments))
    times = []
    for _ in range(31):
        began = time.process_time()
        for _ in range(20):
            jax.block_until_ready(evaluate(*arguments))
        times.append((time.process_time() - began) / 20 * 1e6)
    print(f"{np.median(times):.1f}")
