"""Published results on the test split, each with the place it was printed in.

Jia et al. 2021 is ALIGN (ICML), Chen et al. 2021 is VSE∞ (CVPR), Jiang et al. 2022 is PromCSE (EMNLP), which restates
results of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nonet.cxc.config import CorrelationRules, Kind, RetrievalRules, RetrievalTask
from nonet.cxc.evaluate import Evaluation, task_name
from nonet.foundation.report import Table

__all__ = ["CORRELATIONS", "RETRIEVALS", "PublishedCorrelation", "PublishedRetrieval", "beside", "published"]

_ALIGN_2 = "Jia et al. 2021, Table 2"
_ALIGN_3 = "Jia et al. 2021, Table 3"
_VSE = "Chen et al. 2021"
_PROMCSE = "in Jiang et al. 2022"

Row = tuple[float, ...]


@dataclass(frozen=True)
class PublishedRetrieval:
    """R@1, R@5 and, where printed, R@10 in percent, extended positives.

    Attributes:
        model: its name in the source.
        source: article and table.
        i2t: image to text.
        t2i: text to image.
        t2t: text to text.
        i2i: image to image.
    """

    model: str
    source: str
    i2t: Row
    t2i: Row
    t2t: Row
    i2i: Row


@dataclass(frozen=True)
class PublishedCorrelation:
    """Sampled Spearman correlation times 100, mean and standard deviation; None where not printed.

    Attributes:
        model: its name in the source.
        source: article and table.
        sts: caption pairs.
        sis: image pairs.
        sits: caption and image.
    """

    model: str
    source: str
    sts: tuple[float, float] | None = None
    sis: tuple[float, float] | None = None
    sits: tuple[float, float] | None = None


RETRIEVALS = (
    PublishedRetrieval(
        "VSE++", _ALIGN_2, (43.1, 74.3, 84.2), (32.5, 62.7, 75.4), (38.7, 62.3, 72.2), (36.4, 70.4, 81.3)
    ),
    PublishedRetrieval(
        "VSRN", _ALIGN_2, (52.4, 81.9, 90.0), (40.1, 71.1, 81.5), (41.0, 64.8, 74.5), (44.2, 76.7, 86.2)
    ),
    PublishedRetrieval(
        "DE_I2T", _ALIGN_2, (53.9, 82.7, 91.2), (39.8, 70.2, 80.9), (26.0, 47.1, 57.5), (38.3, 74.1, 85.0)
    ),
    PublishedRetrieval(
        "DE_I2T+T2T", _ALIGN_2, (55.9, 84.2, 91.8), (41.7, 72.3, 83.0), (42.4, 64.9, 74.0), (38.5, 73.6, 84.9)
    ),
    PublishedRetrieval(
        "ALIGN", _ALIGN_2, (78.1, 94.3, 97.4), (61.8, 84.9, 91.1), (45.4, 66.8, 75.2), (49.4, 81.4, 89.1)
    ),
    PublishedRetrieval("VSE∞, bottom-up regions", _VSE, (60.6, 87.4), (46.2, 76.3), (45.9, 68.7), (44.4, 78.3)),
    PublishedRetrieval("VSE∞, WSL grid", _VSE, (67.9, 90.6), (53.6, 81.1), (46.7, 69.2), (51.3, 83.2)),
)

CORRELATIONS = (
    PublishedCorrelation("VSE++", _ALIGN_3, (74.4, 0.4), (73.3, 0.9), (55.2, 1.5)),
    PublishedCorrelation("VSRN", _ALIGN_3, (73.0, 0.4), (70.1, 1.0), (60.4, 1.3)),
    PublishedCorrelation("DE_I2T", _ALIGN_3, (50.9, 0.6), (81.3, 0.7), (61.6, 1.4)),
    PublishedCorrelation("DE_I2T+T2T", _ALIGN_3, (74.2, 0.4), (74.5, 0.9), (61.9, 1.3)),
    PublishedCorrelation("ALIGN", _ALIGN_3, (72.9, 0.4), (77.2, 0.8), (67.6, 1.2)),
    PublishedCorrelation("GloVe, averaged", _PROMCSE, (55.1, 0.6)),
    PublishedCorrelation("ALIGN, BERT-base", _PROMCSE, (72.7, 0.4)),
    PublishedCorrelation("MURAL, BERT-base", _PROMCSE, (73.9, 0.4)),
)


def published() -> tuple[Table, Table]:
    """The published results alone."""
    return _retrieval_table("R@1/5/10 in percent"), _correlation_table()


def beside(evaluation: Evaluation, model: str) -> tuple[Table, Table]:
    """The published tables with the user's model as the last row.

    The caption says where figures may not be compared: on a part of the ratings, or under other rules.
    """
    ours = {run.result.task: run.result for run in evaluation.retrieval}
    recalls = [_joined(tuple(100 * r.value for r in ours[task].recall)) if task in ours else "" for task in _TASKS]
    correlations = {result.kind: (100 * result.mean, 100 * result.std) for result in evaluation.correlation}
    cutoffs = "/".join(str(k) for k in evaluation.retrieval_rules.recall_at)
    caution = _caution(evaluation)
    return (
        _retrieval_table(f"R@{cutoffs} in percent", (model, *recalls, "this run"), caution),
        _correlation_table((model, *(_spread(correlations.get(kind)) for kind in _KINDS), "this run"), caution),
    )


def _retrieval_table(unit: str, last: Sequence[object] | None = None, caption: str = "") -> Table:
    rows: list[Sequence[object]] = [
        (row.model, *(_joined(getattr(row, task)) for task in _TASKS), row.source) for row in RETRIEVALS
    ]
    columns = ["model", *(task_name(task) for task in _TASKS), "source"]
    return Table(f"Published retrieval results, {unit}", columns, [*rows, last] if last else rows, caption)


def _correlation_table(last: Sequence[object] | None = None, caption: str = "") -> Table:
    rows: list[Sequence[object]] = [
        (row.model, *(_spread(getattr(row, kind)) for kind in _KINDS), row.source) for row in CORRELATIONS
    ]
    title = "Published correlation with people, × 100 (mean ± standard deviation over samples)"
    return Table(title, ["model", "STS", "SIS", "SITS", "source"], [*rows, last] if last else rows, caption)


_TASKS: tuple[RetrievalTask, ...] = ("i2t", "t2i", "t2t", "i2i")
_KINDS: tuple[Kind, ...] = ("sts", "sis", "sits")


def _joined(values: Row) -> str:
    return " / ".join(f"{value:.1f}" for value in values)


def _spread(value: tuple[float, float] | None) -> str:
    return f"{value[0]:.1f} ± {value[1]:.1f}" if value else ""


def _caution(evaluation: Evaluation) -> str:
    reasons = []
    if evaluation.split != "test":
        reasons.append(f"it is the split '{evaluation.split}', not test")
    if not evaluation.coverage.whole:
        reasons.append("only a part of the ratings is at hand, and a smaller gallery is easier to search")
    published = (RetrievalRules(), CorrelationRules(seed=evaluation.correlation_rules.seed))
    if (evaluation.retrieval_rules, evaluation.correlation_rules) != published:
        reasons.append("the rules are not those of the published tables")
    if not reasons:
        return "Same split, whole ratings and the published rules: the rows can be compared."
    return "The last row cannot be compared with the others: " + "; ".join(reasons) + "."
