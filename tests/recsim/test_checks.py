"""Is inference right (simulation-based calibration), and does the story fit (posterior predictive checks)?"""

import contextlib
import io
import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from nonet import cli, recsim
from nonet.foundation.errors import DataError
from nonet.recsim import checks, infer
from nonet.recsim.activity import habits
from nonet.recsim.blocks.choice import MultinomialLogit
from nonet.recsim.data import Log
from nonet.recsim.hidden_users import InferConfig, infer_hidden
from nonet.recsim.language import Variable
from recsim_measuring import Sensor, measuring

pytestmark = pytest.mark.slow  # each samples


class Choosers(eqx.Module):
    def taste(self):
        return dist.Normal(jnp.zeros((3, 2)), 1.0)

    def offer(self):
        return dist.Normal(jnp.zeros((3, 4, 2)), 1.0)

    def choose(self, taste, offer):
        return MultinomialLogit(0.0)((taste[:, None] * offer).sum(-1))


@recsim.story
def choosing(users):
    taste = Variable("taste").constant(users.taste)
    offer = Variable("offer").always(users.offer)
    choice = Variable("choice").always(users.choose, taste, offer)
    return taste, offer, choice


@pytest.mark.parametrize(
    ("story", "observed", "latent"),
    [(measuring(Sensor()), ["reading"], "truth"), (choosing(Choosers()), ["offer", "choice"], "taste")],
    ids=["normal", "logit"],
)
def test_ranks_of_true_values_are_uniform(story, observed, latent):
    found = checks.calibrate(story, observed, [latent], steps=4, repeats=40, warmup=100, draws=90, thin=10)
    ranks = found.ranks[latent]
    assert found.draws == 9 and len(ranks) == 40 * (3 if latent == "truth" else 6)
    assert found.pvalue(latent, bins=5) > 1e-3
    assert found.histogram(latent, 5).sum() == len(ranks)


def test_a_wrong_noise_shows_in_replicates_and_a_right_one_does_not():
    data = recsim.simulate(measuring(Sensor(1.0)), 12, seed=3)
    spread = {"spread": lambda fields: fields["reading"].std(0).mean()}
    for scale, fits in ((1.0, True), (0.3, False)):
        story = measuring(Sensor(scale))
        # the posterior is a normal law: 12 readings of that noise, and a prior of variance 4
        precision = 12 / scale**2 + 1 / 4
        mean = np.asarray(data["reading"]).sum(0) / scale**2 / precision
        draws = np.random.default_rng(0).normal(mean, precision**-0.5, (2, 150, 3)).astype(np.float32)
        found = infer.Posterior({"truth": draws}, {}, {}, 0, 1.0)
        (check,) = checks.predictive_check(story, found, {"reading": data["reading"]}, spread, steps=12)
        assert check.fits is fits


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A log of two camps of users, and the taste model fitted to it through the command line."""
    folder = tmp_path_factory.mktemp("log")
    rng = np.random.default_rng(0)
    lines = ["user,item,time"]
    for user in range(40):
        items = rng.permutation(np.arange(15) + 15 * (user % 2))[:10]
        lines += [f"u{user},i{item},{time}" for time, item in enumerate(items)]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    words = ["recsim", "fit", "choice-model", "--log", str(folder / "log.csv"), "--rank", "2"]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert cli.run([*words, "--out", str(folder / "fitted"), "--json"]) == 0
    assert json.loads(told.getvalue())["facts"]["rank"] == 2
    return folder


def test_tastes_of_logged_users_are_inferred_with_diagnostics(fitted, capsys):
    words = ["recsim", "infer", str(fitted / "fitted"), "--log", str(fitted / "log.csv"), "--users", "4"]
    numbers = ["--warmup", "150", "--draws", "100", "--chains", "2"]
    assert cli.run([*words, *numbers, "--out", str(fitted / "posterior"), "--json"]) == 0
    shown = str(json.loads(capsys.readouterr().out)["tables"])
    assert "largest R-hat" in shown and "divergences" in shown and "different items taken" in shown
    import pyarrow.parquet as pq

    draws = pq.read_table(fitted / "posterior" / "draws.parquet")
    assert draws.num_rows == 200 and draws.num_columns == 2 + 4 * 2
    # users of one camp are nearer to each other than to those of the other
    mean = {name: np.mean(draws[name]) for name in draws.column_names if name.startswith("user ")}
    users = sorted({name.partition(",")[0] for name in mean})
    place = {user: np.array([mean[f"{user}, taste {k}"] for k in range(2)]) for user in users}
    camp = {user: int(user.removeprefix("user u")) % 2 for user in users}
    same = [np.linalg.norm(place[a] - place[b]) for a in users for b in users if a < b and camp[a] == camp[b]]
    apart = [np.linalg.norm(place[a] - place[b]) for a in users for b in users if camp[a] != camp[b]]
    assert same and apart and max(same) < min(apart)


def test_a_log_of_another_shop_is_refused(fitted, tmp_path):
    (tmp_path / "other.csv").write_text("user,item\na,b\na,c\n")
    with pytest.raises(DataError, match="None of its items"):
        infer_hidden(fitted / "fitted", str(tmp_path / "other.csv"), InferConfig())


def test_habits_tell_the_law_that_made_them():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.lognormal(3.0, 1.5, (30, 80)), axis=1)
    user = np.repeat(np.arange(30), 80)
    item = np.repeat(np.arange(400), np.maximum(1, rng.lognormal(1.5, 0.5, 400)).astype(int))
    item = np.resize(item, user.size).astype(np.int32)
    log = Log(item, tuple(map(str, range(400))), user, tuple(map(str, range(30))), time=times.ravel())
    gaps = {habit.quantity: habit for habit in habits(log)}["seconds between events"]
    assert gaps.law == "log-normal" and gaps.scores["log-normal"] > gaps.scores["exponential"]
    assert gaps.parameters["log_mean"] == pytest.approx(3.0, abs=0.1)
    assert gaps.parameters["log_sd"] == pytest.approx(1.5, abs=0.1)
