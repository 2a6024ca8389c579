"""A simple model of fatigue, judged on participants that it has never seen, and against chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nonet.foundation.errors import DataError

__all__ = ["Fatigue", "judge_fatigue"]


@dataclass(frozen=True)
class Fatigue:
    """How well fatigue is told from gaze.

    Attributes:
        score: probability of being tired, for each block, by a model without that participant, (b,).
        auc: area under the receiver's curve.
        balanced_accuracy: at one half.
        spearman: mean over participants of the rank correlation of score and questionnaire over blocks.
        p: share of permutations of labels within participants with as large an AUC (with one added to both).
        chance_auc: mean AUC of those permutations.
    """

    score: Float[np.ndarray, " b"]
    auc: float
    balanced_accuracy: float
    spearman: float
    p: float
    chance_auc: float


def judge_fatigue(
    change: Float[np.ndarray, "b f"],
    tired: Bool[np.ndarray, " b"],
    questionnaire: Float[np.ndarray, " b"],
    participant: Int[np.ndarray, " b"],
    *,
    permutations: int = 100,
    seed: int = 0,
) -> Fatigue:
    """Leaves out one participant after the other.

    Args:
        change: features against the participant's first block; that block itself is not a row.
        tired: what is to be told.
        questionnaire: the participant's own answers.
        participant: whose block.
        permutations: for the test against chance; labels change places within participants.
        seed: decides them.
    Raises:
        DataError: if there are fewer than three participants, or all blocks are alike.
    """
    if len(np.unique(participant)) < 3 or len(np.unique(tired)) < 2:
        raise DataError("At least three participants, with tired and alert blocks, are needed.", where="fatigue")
    score = _left_out(change, tired, participant)
    auc = float(roc_auc_score(tired, score))
    rng, chance = np.random.default_rng(seed), []
    for _ in range(permutations):
        shuffled = tired.copy()
        for one in np.unique(participant):
            mine = participant == one
            shuffled[mine] = rng.permutation(tired[mine])
        chance.append(float(roc_auc_score(shuffled, _left_out(change, shuffled, participant))))
    above = sum(value >= auc for value in chance)
    return Fatigue(
        score,
        auc,
        float(balanced_accuracy_score(tired, score > 0.5)),
        _over_time(score, questionnaire, participant),
        (1 + above) / (1 + permutations),
        float(np.mean(chance)) if chance else float("nan"),
    )


def _left_out(change: np.ndarray, tired: np.ndarray, participant: np.ndarray) -> np.ndarray:
    score = np.empty(len(tired))
    for one in np.unique(participant):
        out = participant == one
        # few rows and features: Newton's steps are exact and cheap
        told = LogisticRegression(C=0.3, class_weight="balanced", solver="newton-cholesky")
        model = make_pipeline(StandardScaler(), told)
        score[out] = model.fit(change[~out], tired[~out]).predict_proba(change[out])[:, 1]
    return score


def _over_time(score: np.ndarray, questionnaire: np.ndarray, participant: np.ndarray) -> float:
    found = []
    for one in np.unique(participant):
        mine = participant == one
        if mine.sum() > 2 and np.ptp(questionnaire[mine]) > 0 and np.ptp(score[mine]) > 0:
            found.append(float(np.asarray(spearmanr(score[mine], questionnaire[mine]))[0]))
    return float(np.mean(found)) if found else float("nan")
