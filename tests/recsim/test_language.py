import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

from nonet import recsim
from nonet.foundation.errors import UsageError
from nonet.recsim.language import Variable
from nonet.recsim.network import Network
from nonet.recsim.runtime import check_story
from nonet.recsim.spaces import label, real
from nonet.recsim.stories.radio import Listeners, Station, radio, world


def _nodes(*variables):
    return [variable.node() for variable in variables]


def test_variables_are_computed_after_their_causes():
    a, b, c = recsim.variables("a", "b", "c")
    a.always(lambda b: b, b)
    b.always(lambda c: c, c)
    c.always(lambda: jnp.zeros(()))
    assert Network.of(_nodes(a, b, c)).step_order == ("c", "b", "a")


def test_a_circle_is_named_even_when_an_unrelated_root_comes_first():
    root, a, b, c = recsim.variables("root", "a", "b", "c")
    root.always(lambda: 0.0)
    a.always(lambda x: x, b)
    b.always(lambda x: x, c)
    c.always(lambda x: x, a)
    with pytest.raises(UsageError, match="a <- b <- c <- a"):
        Network.of(_nodes(root, a, b, c))


def test_a_chain_of_five_thousand_variables_is_no_recursion():
    chain = recsim.variables(*(f"v{i}" for i in range(5000)))
    for later, earlier in itertools.pairwise(chain):
        later.always(lambda x: x, earlier)
    chain[-1].always(lambda: 0.0)
    assert Network.of(_nodes(*chain)).first_order[0] == "v4999"


def test_what_follows_from_data_is_known_after_as_many_passes_as_steps_lie_between():
    a, b, c, total = recsim.variables("a", "b", "c", "total")
    a.always(lambda: 0.0)
    for variable, cause in ((b, a), (c, b)):
        variable.starts(lambda: 0.0)
        variable.becomes(lambda before: before, cause.previous)
    total.starts(lambda: 0.0)
    total.becomes(lambda before, last: before + last, total.previous, c.previous)
    assert Network.of(_nodes(a, b)).passes({"a"}) == 0  # nobody remembers b
    assert Network.of(_nodes(a, b, c)).passes({"a"}) == 1
    assert Network.of(_nodes(a, b, c, total)).passes({"a", "total"}) == 2
    assert Network.of(_nodes(a, b, c, total)).passes({"a", "b", "c"}) is None


def test_the_step_may_look_back_at_itself():
    a = Variable("a").starts(lambda: 1.0)
    a.becomes(lambda before: 2 * before, a.previous)
    assert Network.of(_nodes(a)).remembered == ("a",)


@pytest.mark.parametrize(
    ("bind", "message"),
    [
        (lambda a, b: None, "no initial value"),
        (lambda a, b: a.starts(lambda: 0.0), "no step"),
        (lambda a, b: a.always(lambda x: x, a.previous), "one step ago: a <- a.previous"),
        (lambda a, b: a.always(lambda x: x, b), "depends on 'b'"),
        (lambda a, b: a.starts(lambda x: x), "cannot take 0 values"),
    ],
)
def test_unfinished_variables_are_refused_by_name(bind, message):
    a, b = recsim.variables("a", "b")
    with pytest.raises(UsageError, match=message) as caught:
        bind(a, b)
        Network.of(_nodes(a))
    assert caught.value.where == "a"


def test_two_variables_of_one_name_are_refused():
    with pytest.raises(UsageError, match="Two variables"):
        Network.of(_nodes(Variable("a").always(lambda: 0.0), Variable("a").always(lambda: 0.0)))


@pytest.mark.slow
def test_an_actor_can_be_exchanged_and_a_wrong_role_is_refused():
    class Silence(eqx.Module):
        def play(self, mood):
            return dist.Normal(jnp.zeros_like(mood), 1e-3)

    quiet = recsim.simulate(world.replace(station=Silence()), 3)
    assert float(jnp.abs(quiet["song"]).max()) < 0.01
    with pytest.raises(UsageError, match="no role 'dj'"):
        world.replace(dj=Silence())


def test_a_story_is_cast_with_its_roles_only():
    with pytest.raises(UsageError, match=r"Roles: \['listeners', 'station'\]"):
        radio(Listeners())


def test_parameters_are_found_set_and_constrained():
    class Shy(eqx.Module):
        rate: float = recsim.parameter(constraints.unit_interval, default=0.5)
        inner: Listeners = eqx.field(default_factory=Listeners)

    both = radio(Shy(), Station())
    assert both.parameters() == {"listeners.rate": 0.5, "listeners.inner.memory": 0.9}
    assert both.constraints()["listeners.rate"] is constraints.unit_interval
    assert both.with_parameters({"listeners.inner.memory": 0.1}).parameters()["listeners.inner.memory"] == 0.1
    with pytest.raises(UsageError, match="no parameter 'x'"):
        both.with_parameters({"x": 1.0})


@pytest.mark.slow
def test_a_parameter_shared_by_two_roles_is_learned_as_one():
    class Walker(eqx.Module):
        drift: float = recsim.parameter(default=0.5)

        def begin(self):
            return dist.Normal(self.drift, 1.0)

    @recsim.story
    def pair(one, other):
        return Variable("a").always(one.begin), Variable("b").always(other.begin)

    world = pair(Walker(), Walker(9.0)).tie("one.drift", "other.drift")
    assert world.parameters() == {"one.drift": 0.5}

    def score(drift):
        return recsim.log_prob(world.with_parameters({"one.drift": drift}), {"a": jnp.ones(1), "b": jnp.full(1, 3.0)})

    # d/dm of -(1 - m)^2 / 2 - (3 - m)^2 / 2
    assert float(jax.grad(score)(0.0)) == pytest.approx(4.0)
    assert float(world.replace(one=Walker(2.0)).actors["other"].drift) == 2.0
    with pytest.raises(UsageError, match=r"no parameter 'other\.drift'"):
        world.with_parameters({"other.drift": 1.0})
    with pytest.raises(UsageError, match=r"no parameter 'one\.size'"):
        pair(Walker(), Walker()).tie("one.drift", "one.size")


@pytest.mark.slow
def test_a_story_takes_in_another():
    @recsim.story
    def charts(listeners, station):
        mood, song = radio.wire(listeners, station)
        hit = Variable("hit").always(lambda song: song.mean(), song)
        return mood, song, hit

    trajectory = recsim.simulate(charts(Listeners(), Station()), 4)
    assert jnp.allclose(trajectory["hit"], trajectory["song"].mean(1), atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (real(3), r"has shape \(2\) where its space says \(3\)"),
        (label(2, of=4), "is of type float32 where its space says integer"),
        (real(2, low=0.0), "drawn from the whole line"),
        ({"x": real(2)}, "Its fields are"),
    ],
)
def test_values_that_leave_their_specification_are_refused_before_running(spec, message):
    @recsim.story
    def tiny():
        a = Variable("a", spec=spec).always(lambda: dist.Normal(jnp.zeros(2), 1.0))
        return (a,)

    with pytest.raises(UsageError, match=message):
        check_story(tiny())


def test_initial_value_and_step_must_agree():
    @recsim.story
    def tiny():
        a = Variable("a").starts(lambda: jnp.zeros(2))
        a.becomes(lambda before: jnp.zeros(3), a.previous)
        return (a,)

    with pytest.raises(UsageError, match="initial value and its step differ"):
        check_story(tiny())


def test_a_population_is_on_the_first_axis():
    @recsim.story
    def tiny():
        return Variable("a", recsim.Population("users", 5)).always(lambda: jnp.zeros((2, 5)))

    with pytest.raises(UsageError, match="population of 5"):
        check_story(tiny())


def test_nobody_is_no_population():
    with pytest.raises(UsageError, match="needs a member"):
        recsim.Population("users", 0)


def test_the_picture_has_every_variable_and_the_arrows_between_them():
    picture = world.draw()
    assert picture.startswith("<svg") and picture.count("<title>mood") == 1
    # song now from mood, mood from mood and song one step ago
    assert picture.count("stroke-dasharray") == 2
    assert picture.count('class="arrow"') == 3
