"""The report of an evaluation: figures beside published ones, model against people, and the queries that failed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nonet.cxc.data import Collection
from nonet.cxc.evaluate import Evaluation, Material, TaskRun, task_name
from nonet.cxc.leaderboard import beside
from nonet.cxc.pictures import find_picture
from nonet.cxc.ranking import top_items
from nonet.foundation.files import replace_file
from nonet.foundation.report import Estimate, Figure, Report, Table

__all__ = ["Failure", "Shown", "coverage_table", "failures", "report", "save_failures"]

_SCATTERED = 4000  # points in a plot; a page with all 45,000 is slow to open


@dataclass(frozen=True)
class Shown:
    """An item on the page of failures.

    Attributes:
        id: of the image or caption.
        text: its words, or None for an image.
        image: row of the image, or None for a caption.
        rank: in the model's ranking, from 1.
        score: the mean human score of it with the query, or None where nobody rated the pair.
        positive: whether it counts as found.
    """

    id: str
    text: str | None
    image: int | None
    rank: int
    score: float | None
    positive: bool


@dataclass(frozen=True)
class Failure:
    """A query whose best positive stands far down.

    Attributes:
        task: the task's name.
        query: the item searched with (rank 0).
        best: its best-ranked positive.
        instead: what the model put first.
    """

    task: str
    query: Shown
    best: Shown
    instead: tuple[Shown, ...]


def coverage_table(evaluation: Evaluation) -> Table:
    """Which part of the ratings was at hand."""
    here = evaluation.coverage
    rows: list[Sequence[object]] = [
        ("images", here.images, here.all_images),
        ("captions", here.captions, here.all_captions),
        *((f"{kind.upper()} pairs", count, total) for kind, count, total in here.pairs),
    ]
    lines = [*evaluation.skipped, *evaluation.notes]
    if evaluation.twice and evaluation.twice.pairs:
        twice = evaluation.twice
        lines.append(
            f"{twice.pairs:,} image pairs were rated in both orders: mean difference {twice.mean_difference:.2f}, "
            f"{twice.straddling:,} of them with one score on either side of {twice.threshold:g}."
        )
    return Table("Part of the ratings at hand", ["", "at hand", "in the ratings"], rows, " ".join(lines))


def report(evaluation: Evaluation, model: str, *, command: str, made: str) -> Report:
    """The whole evaluation as a report.

    Args:
        evaluation: what was measured.
        model: the name of the model in the tables.
        command: what repeats it.
        made: date of the run (ISO).
    """
    tables = [coverage_table(evaluation)]
    if evaluation.retrieval:
        tables += _retrieval_tables(evaluation)
    if evaluation.correlation:
        tables.append(_correlation_table(evaluation))
    rules = asdict(evaluation.retrieval_rules) | {
        f"correlation {k}": v for k, v in asdict(evaluation.correlation_rules).items()
    }
    return Report(
        title=f"{model} on Crisscrossed Captions ({evaluation.split})",
        tables=[*tables, *beside(evaluation, model)],
        figures=[_scatter(evaluation, row) for row in range(len(evaluation.scores))],
        facts={"command": command, **{name.replace("_", " "): value for name, value in rules.items()}},
        made=made,
    )


def _retrieval_tables(evaluation: Evaluation) -> tuple[Table, Table]:
    """Recall, and what looks at more than the best positive."""
    results = [run.result for run in evaluation.retrieval]
    recalls = [
        (task_name(r.task), r.queries, r.gallery, r.positives, *(_percent(estimate) for estimate in r.recall))
        for r in results
    ]
    cutoffs = [f"R@{k} %" for k in evaluation.retrieval_rules.recall_at]
    skipped = [f"{task_name(result.task)} {result.skipped:,}" for result in results if result.skipped]
    caption = "Intervals: 95 %, bootstrap over images."
    if skipped:
        caption += f" Queries without a positive: {', '.join(skipped)}."
    finer = [
        (task_name(r.task), r.median_rank, *(f"{100 * v:.1f}" for v in (r.map_at_r, r.r_precision, r.ndcg, r.tied)))
        for r in results
    ]
    columns = [
        "task",
        "median rank",
        "mAP@R %",
        "R-precision %",
        f"nDCG@{evaluation.retrieval_rules.ndcg_at} %",
        "tied %",
    ]
    return (
        Table("Retrieval", ["task", "queries", "gallery", "positives", *cutoffs], recalls, caption),
        Table("Ranking", columns, finer, "Tied: queries whose figures depend on the order of equally similar results."),
    )


def _percent(share: Estimate) -> str:
    return f"{100 * share.value:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _correlation_table(evaluation: Evaluation) -> Table:
    rules = evaluation.correlation_rules
    rows = [
        (r.kind.upper(), r.pairs, r.queries, r.sampled, f"{100 * r.mean:.1f} ± {100 * r.std:.1f}")
        for r in evaluation.correlation
    ]
    how = {
        "sampled": f"mean and standard deviation over {rules.samples:,} samples of {rules.fraction:g} of the queries",
        "promcse": f"PromCSE's sampling, {rules.samples:,} samples of images with replacement",
        "plain": "all pairs once",
    }[rules.method]
    columns = ["task", "pairs", "queries", "pairs a sample", f"{rules.coefficient} × 100"]
    return Table("Correlation with people", columns, rows, f"Procedure: {how}.")


def _scatter(evaluation: Evaluation, row: int) -> Figure:
    import plotly.graph_objects as go

    pairs, similarity = evaluation.scores[row].pairs, evaluation.scores[row].similarity
    result = evaluation.correlation[row]
    rng = np.random.default_rng(0)
    shown = rng.choice(len(similarity), min(_SCATTERED, len(similarity)), replace=False)
    plot = go.Figure(
        go.Scattergl(x=pairs.score[shown], y=similarity[shown], mode="markers", marker={"size": 4, "opacity": 0.35})
    )
    plot.update_layout(xaxis_title="mean human score, 0 to 5", yaxis_title="similarity by the model")
    caption = (
        f"Each point is a rated pair ({len(shown):,} of {len(similarity):,} drawn). "
        f"Correlation × 100: {100 * result.mean:.1f} ± {100 * result.std:.1f}."
    )
    return Figure(f"{pairs.kind.upper()}: the model against people", plot, caption)


def failures(given: Material, evaluation: Evaluation, count: int = 12) -> list[Failure]:
    """The queries of each task whose best positive stands furthest down."""
    found = []
    for run in evaluation.retrieval:
        found += _worst(run, given, evaluation.retrieval_rules.similarity, count)
    return found


def _worst(run: TaskRun, given: Material, similarity: str, count: int) -> list[Failure]:
    each, judged, task = run.result.each, run.judged, run.result.task
    order = np.argsort(-each.best_rank, kind="stable")[:count]
    queries = each.query[order][np.isfinite(each.best_rank[order]) & (each.best_rank[order] > 1)]
    if not len(queries):
        return []
    sides = {"i": given.images, "t": given.captions}
    searched, gallery = sides[task[0]], sides[task[2]]
    assert searched is not None and gallery is not None  # the task was run
    if similarity == "cosine":
        gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    first = top_items(searched[queries], gallery, 5, itself=queries if judged.same_side else None)
    shown = []
    for query, top in zip(queries.tolist(), first.tolist(), strict=True):
        rows = np.flatnonzero(judged.query == query)
        place = {int(judged.item[row]): int(row) for row in rows}
        best = min(rows[judged.positive[rows]], key=lambda row: run.places.above[row])
        best_rank = int(run.places.above[best]) + 1

        def item(number: int, rank: int, place: dict[int, int] = place) -> Shown:
            row = place.get(number)
            grade = None if row is None or np.isnan(judged.grade[row]) else float(judged.grade[row])
            return _shown(
                given.collection, task[2], number, rank, grade, row is not None and bool(judged.positive[row])
            )

        shown.append(
            Failure(
                task_name(task),
                _shown(given.collection, task[0], query, 0, None, positive=False),
                item(int(judged.item[best]), best_rank),
                tuple(item(number, rank) for rank, number in enumerate(top, 1)),
            )
        )
    return shown


def _shown(collection: Collection, side: str, number: int, rank: int, score: float | None, positive: bool) -> Shown:
    if side == "i":
        return Shown(collection.images[number], None, number, rank, score, positive)
    text = collection.texts[number] if collection.texts else collection.captions[number]
    return Shown(collection.captions[number], text, None, rank, score, positive)


def save_failures(
    path: Path, found: Sequence[Failure], collection: Collection, image_folder: Path | None, title: str
) -> None:
    """Writes the failing queries as one self-contained page, with small pictures where the folder has them."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    package = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(package / "templates"), autoescape=select_autoescape(), trim_blocks=True
    )
    frame = package.parent / "foundation" / "static" / "frame.css"
    pictures = _Thumbnails(collection, image_folder)
    environment.filters["picture"] = pictures.of
    page = environment.get_template("failures.html")
    replace_file(path, page.render(title=title, failures=found, style=frame.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class _Thumbnails:
    collection: Collection
    folder: Path | None

    def of(self, image: int) -> str | None:
        """A small JPEG as a data address, or None where there is no such file."""
        if self.folder is None or not self.collection.files:
            return None
        path = find_picture(self.folder, self.collection.files[image])
        if path is None:
            return None
        from PIL import Image

        with Image.open(path) as opened:
            small = opened.convert("RGB")
        small.thumbnail((240, 240))
        packed = io.BytesIO()
        small.save(packed, "JPEG", quality=70)
        return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode()
