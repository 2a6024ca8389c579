"""A story whose posterior is known: three true values, and a reading of each with the noise of its sensor."""

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist

from nonet import recsim
from nonet.recsim.language import Variable


class Sensor(eqx.Module):
    scale: float = 1.0

    def truth(self):
        return dist.Normal(jnp.zeros(3), 2.0)

    def read(self, truth):
        return dist.Normal(truth, self.scale)


@recsim.story
def measuring(sensor):
    truth = Variable("truth").constant(sensor.truth)
    reading = Variable("reading").always(sensor.read, truth)
    return truth, reading
