"""Logs of every kind, runs and folders of them, checkpoints of simulations, fitted users and recommenders."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from house import write_run
from nonet.foundation import artifact
from nonet.foundation.artifact import Card
from nonet.recsim import page
from nonet.recsim.agents import training
from nonet.recsim.data import read_log
from nonet.recsim.fitted import KIND, UsersConfig, load_fitted
from nonet.recsim.results import export_csv
from nonet.recsim.runtime import State
from nonet.recsim.saved import Store
from reliability.loaders import Loader

_ROWS = {"item": ["b", "a", "b", "c"], "user": [9, 9, 4, 4], "time": [3.0, 1.0, 2.0, 5.0], "click": [1, 0, 1, 0]}


def _parquet(folder: Path) -> Path:
    pq.write_table(pa.table({**_ROWS, "position": [0, 1, 0, 1], "propensity": [0.5] * 4}), folder / "it.parquet")
    return folder / "it.parquet"


def _text(name: str, lines: str):
    def make(folder: Path) -> Path:
        (folder / name).write_text(lines)
        return folder / name

    return make


def _load_log(path: Path) -> None:
    log = read_log(path)
    log.split()


def _run(folder: Path) -> Path:
    write_run(folder / "it", "myopic", 1.0)
    return folder / "it"


def _runs(folder: Path) -> Path:
    for policy in ("myopic", "provider-aware"):
        write_run(folder / "it" / policy, policy, 1.0)
    return folder / "it"


def _state() -> State:
    return jax.tree.map(jnp.asarray, {"a": np.arange(3.0), "b": {"c": np.ones((2, 2))}})


def _portion(folder: Path) -> Path:
    home = folder / "it"
    home.mkdir()
    Store(home).save(0, _state(), {"measures.welfare": np.ones((2, 3))})
    return home


def _users(folder: Path) -> Path:
    config = UsersConfig("clicks", "log", ("a", "b"), {"click model": -1.0})
    tensors = {"examined": np.ones(2, np.float32), "attraction": np.ones(2, np.float32)}
    artifact.save(folder / "it", kind=KIND, config=config, tensors=tensors, card=Card("users"))
    return folder / "it"


def _agent(folder: Path) -> Path:
    config = training.TrainConfig(users=2, horizon=2, updates=1, documents=5)
    trained = training.Trained(config, training._fresh(config), np.zeros(1), {}, None)
    training.save_agent(folder / "it", trained)
    return folder / "it"


LOADERS = [
    Loader("recsim/log-parquet", _parquet, _load_log),
    Loader("recsim/log-csv", _text("it.csv", "item,user,time,click\nb,9,3,1\na,9,1,0\nb,4,2,1\n"), _load_log),
    Loader(
        "recsim/log-recbole",
        _text("it.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3.5\t99\n2\t2\t1\t98\n"),
        _load_log,
    ),
    Loader("recsim/log-movielens", _text("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n"), _load_log),
    Loader(
        "recsim/log-open-bandit",
        _text(
            "all.csv",
            ",timestamp,item_id,position,click,propensity_score\n"
            "0,2019-11-24 00:00:00.004101+00:00,79,2,0,0.0125\n1,2019-11-24 00:00:01.004101+00:00,14,1,1,0.0125\n",
        ),
        _load_log,
    ),
    Loader("recsim/run", _run, page.mount),
    Loader("recsim/run-export", _run, lambda path: export_csv(path, path.parent / "out")),
    Loader("recsim/runs", _runs, page.mount),
    Loader("recsim/portion", _portion, lambda path: Store(path).load(0, _state())),
    Loader("recsim/users", _users, load_fitted),
    Loader("recsim/agent", _agent, training.load_agent),
]
