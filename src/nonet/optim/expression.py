"""Formulas typed by people, turned into torch functions. Nothing is executed but the operations listed here."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nonet.foundation.errors import DataError
from nonet.optim.constraints import Constraint, between

__all__ = ["FUNCTIONS", "Formula", "parse_constraint", "parse_formula"]

LONGEST = 500
DEEPEST = 40

FUNCTIONS: dict[str, tuple[int, Callable[..., Tensor]]] = {
    "abs": (1, torch.abs), "atan": (1, torch.atan), "atan2": (2, torch.atan2), "cos": (1, torch.cos),
    "cosh": (1, torch.cosh), "exp": (1, torch.exp), "log": (1, torch.log), "max": (2, torch.maximum),
    "min": (2, torch.minimum), "sin": (1, torch.sin), "sinh": (1, torch.sinh), "sqrt": (1, torch.sqrt),
    "tan": (1, torch.tan), "tanh": (1, torch.tanh),
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}
BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

Values = Mapping[str, Tensor]
Evaluator = Callable[[Values], Tensor]


@dataclass(frozen=True)
class Formula:
    """A formula.

    Attributes:
        text: as typed.
        variables: the names in it, sorted.
        evaluate: takes a tensor for each name (all of one shape) and returns one of that shape.
    """

    text: str
    variables: tuple[str, ...]
    evaluate: Evaluator

    def of(self, names: tuple[str, ...]) -> Callable[[Tensor], Tensor]:
        """The formula as a function of one vector that holds the variables in the order of ``names``."""
        if not self.variables:
            return lambda x: 0 * x.sum() + self.evaluate({})
        return lambda x: self.evaluate(dict(zip(names, x, strict=True)))


def parse_formula(text: str) -> Formula:
    """Reads a formula such as ``(1-x)**2 + 5*(y-x**2)**2``; ``^`` is a power too.

    Raises:
        DataError: if it is not a formula of numbers, variables, ``+ - * / **`` and the functions of `FUNCTIONS`.
    """
    tree = _tree(text)
    if isinstance(tree, ast.Compare):
        raise DataError("A comparison is a constraint.", where=text, fix="Give it with --subject-to.")
    return _formula(text, tree)


def parse_constraint(text: str) -> tuple[tuple[str, ...], Callable[[tuple[str, ...]], Constraint]]:
    """Reads a constraint such as ``x**2 + y**2 <= 1``, ``x == y`` or ``0 <= x*y <= 2``.

    Returns:
        The names in it, and a function that makes the constraint on a vector of variables in a given order.
    """
    tree = _tree(text)
    if not isinstance(tree, ast.Compare):
        raise DataError("There is no comparison in it.", where=text, fix="Write it with <=, >= or ==.")
    kinds = [type(o) for o in tree.ops]
    sides = [tree.left, *tree.comparators]
    if kinds in ([ast.GtE, ast.GtE], [ast.Gt, ast.Gt]):
        sides.reverse()
    if len(sides) == 3 and kinds[0] is kinds[1] and kinds[0] in {ast.LtE, ast.GtE, ast.Lt, ast.Gt}:
        ends = [_formula(text, side) for side in (sides[0], sides[2])]
        if ends[0].variables or ends[1].variables:
            raise DataError("The ends of a range must be numbers.", where=text, fix="Write two constraints.")
        middle = _formula(text, sides[1])
        low, high = (float(end.evaluate({})) for end in ends)
        return middle.variables, lambda names: between(middle.of(names), low, high, text)
    if len(sides) != 2 or kinds[0] not in {ast.LtE, ast.Lt, ast.GtE, ast.Gt, ast.Eq}:
        raise DataError("This comparison is not a constraint.", where=text, fix="Use one of <=, >=, ==.")
    gap = _formula(text, ast.BinOp(sides[0], ast.Sub(), sides[1]))
    low = -math.inf if kinds[0] in {ast.LtE, ast.Lt} else 0.0
    high = math.inf if kinds[0] in {ast.GtE, ast.Gt} else 0.0
    return gap.variables, lambda names: between(gap.of(names), low, high, text)


def _tree(text: str) -> ast.expr:
    if not text.strip():
        raise DataError("The formula is empty.", fix="Type one, such as (1-x)**2 + 5*(y-x**2)**2.")
    if len(text) > LONGEST:
        raise DataError(f"The formula has {len(text)} characters.", fix=f"Keep it under {LONGEST}.")
    try:
        return ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = getattr(error, "offset", None)
        at = f" near character {place}" if place else ""
        raise DataError(
            f"This is not a formula{at}.", where=text, fix="An example: (1-x)**2 + 5*(y-x**2)**2"
        ) from error


def _formula(text: str, node: ast.expr) -> Formula:
    names: set[str] = set()
    return Formula(text, (evaluate := _read(node, names, text, 0)) and tuple(sorted(names)), evaluate)


def _read(node: ast.expr, names: set[str], text: str, depth: int) -> Evaluator:
    """A function for one node of the formula; collects the variables' names."""
    if depth > DEEPEST:
        raise DataError("The formula is nested too deeply.", where=text, fix=f"Keep it under {DEEPEST} levels.")

    def below(part: ast.expr) -> Evaluator:
        return _read(part, names, text, depth + 1)

    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            pass
        case ast.Constant(value=int() | float() as number):
            if abs(number) > 1e300:
                raise DataError("A number is too large.", where=text, fix="Keep numbers under 1e300.")
            fixed = float(number)
            return lambda values: torch.tensor(fixed, dtype=torch.float64)
        case ast.Name(id=name) if name in CONSTANTS:
            fixed = CONSTANTS[name]
            return lambda values: torch.tensor(fixed, dtype=torch.float64)
        case ast.Name(id=name) if name not in FUNCTIONS:
            names.add(name)
            return lambda values: values[name]
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=part):
            inner, flip = below(part), isinstance(sign, ast.USub)
            return lambda values: -inner(values) if flip else inner(values)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
            first, second, join = below(left), below(right), BINARY[type(sign)]
            return lambda values: join(first(values), second(values))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            count, function = FUNCTIONS[name]
            if len(parts) != count:
                raise DataError(
                    f"{name} takes {count} argument(s), not {len(parts)}.", where=text, fix="Mend the call."
                )
            inners = [below(part) for part in parts]
            return lambda values: function(*(inner(values) for inner in inners))
        case ast.Call(func=ast.Name(id=name)):
            raise DataError(f"There is no function '{name}'.", where=text, fix=f"There are {', '.join(FUNCTIONS)}.")
        case _:
            pass
    raise DataError(
        f"'{ast.unparse(node)[:40]}' does not belong in a formula.",
        where=text,
        fix="Use numbers, variables, + - * / ** and functions such as sin(x).",
    )
