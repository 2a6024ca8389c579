"""The study's tasks: what is shown, when, and what is asked; made on the server from a seed, drawn by the page."""

from nonet.gaze.tasks.plan import Item, Plan, Question, Stage, Trial
from nonet.gaze.tasks.stages import TASKS, make_plan

__all__ = ["TASKS", "Item", "Plan", "Question", "Stage", "Trial", "make_plan"]
