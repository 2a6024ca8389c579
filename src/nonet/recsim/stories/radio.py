"""The smallest story: listeners whose mood follows the songs, and a station that plays to the mood."""

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist

from nonet import recsim


class Listeners(eqx.Module):
    """A thousand people; a mood lasts and takes on a little of every song."""

    memory: float = recsim.parameter(default=0.9)

    def wake(self):
        return dist.Normal(jnp.zeros(1000), 1.0)

    def drift(self, mood, song):
        return dist.Normal(self.memory * mood + 0.1 * song, 0.1)


class Station(eqx.Module):
    """Plays what suits the mood."""

    def play(self, mood):
        return dist.Normal(mood, 0.5)


@recsim.story
def radio(listeners, station):
    """Mood and song."""
    mood, song = recsim.variables("mood", "song", over=recsim.Population("listeners", 1000))
    mood.starts(listeners.wake)
    mood.becomes(listeners.drift, mood.previous, song.previous)
    song.always(station.play, mood)
    return mood, song


world = radio(Listeners(), Station())
