"""The criteria of a trial as gates: thresholds over leaves and other gates, in numbers that a rule engine can hold.

A gate is true once `needed` of its inputs are true, and false once so many are false that the rest cannot be enough. So
`all` is n of n and `any` is 1 of n, and unknown is that neither has come about. `not` is no gate but a mark on an
input; a node that only names another (`use`) is left out. Thresholds of this kind are Kleene's tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from prescreen.engine.compile import (
    AllNode,
    AnyNode,
    CompiledCriterion,
    CompiledTrial,
    CountNode,
    IfNode,
    LeafNode,
    Node,
    NotNode,
    SavedNode,
    SparedNode,
)

Goal = tuple[int, bool]
"""Where a conclusion goes: the number of a gate, and whether it counts there the other way round."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A threshold: `needed` of `size` inputs. goals: the gates that it is an input of (none: it is the root)."""

    needed: int
    size: int
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of a trial.

    gates: by number. roots: of each criterion, by its place in the trial, the gate that is its condition. inputs: of
    each criterion, the leaves (by number) and where their truths go.
    """

    gates: tuple[Gate, ...]
    roots: tuple[int, ...]
    inputs: tuple[tuple[tuple[int, Goal], ...], ...]


@dataclass(slots=True)
class _Open:
    """A gate while its inputs are being found."""

    needed: int
    size: int
    goals: list[Goal]


def gates_of(compiled: CompiledTrial) -> Gates:
    """The gates of a compiled trial; the criteria share none, so that each can be decided by itself."""
    builder = _Builder()
    roots, inputs = [], []
    for criterion in compiled.criteria:
        root, leaves = builder.criterion(criterion)
        roots.append(root)
        inputs.append(leaves)
    gates = tuple(Gate(gate.needed, gate.size, tuple(gate.goals)) for gate in builder.gates)
    return Gates(gates, tuple(roots), tuple(inputs))


class _Builder:
    def __init__(self) -> None:
        self.gates: list[_Open] = []
        self.leaves: list[tuple[int, Goal]] = []

    def criterion(self, criterion: CompiledCriterion) -> tuple[int, tuple[tuple[int, Goal], ...]]:
        self.leaves = []
        root = self.gate(1, [(criterion.root, False)])  # a gate of its own, that a leaf alone has one too
        return root, tuple(self.leaves)

    def gate(self, needed: int, parts: list[tuple[Node, bool]]) -> int:
        """A new gate over some nodes, each with whether it counts the other way round; its number."""
        number = self.new(needed, len(parts))
        for node, turned in parts:
            self.connect(node, (number, turned))
        return number

    def new(self, needed: int, size: int) -> int:
        self.gates.append(_Open(needed, size, []))
        return len(self.gates) - 1

    def connect(self, node: Node, goal: Goal) -> None:
        """Send the truth of a node to a goal."""
        gate, turned = goal
        parts = node.children
        match node:
            case LeafNode():
                self.leaves.append((node.number, goal))
            case NotNode():
                self.connect(parts[0], (gate, not turned))
            case AllNode():
                self.send(self.gate(len(parts), [(part, False) for part in parts]), goal)
            case AnyNode():
                self.send(self.gate(1, [(part, False) for part in parts]), goal)
            case CountNode():
                self.send(self.gate(node.count, [(part, False) for part in parts]), goal)
            case SavedNode():
                self.send(self.gate(1, [(parts[0], False), (parts[1], False)]), goal)
            case SparedNode():
                self.send(self.gate(2, [(parts[0], False), (parts[1], True)]), goal)
            case IfNode():
                self.send(self.choice(parts), goal)
            case _:
                self.connect(parts[0], goal)  # a named condition is what it names

    def choice(self, parts: tuple[Node, ...]) -> int:
        """`if`: one of (condition and then), (not condition and else), (then and else).

        The third is what both branches agree on while the condition is open.
        """
        condition, then = parts[0], parts[1]
        if len(parts) < 3:
            return self.gate(1, [(condition, True), (then, False)])
        whole = self.new(1, 3)
        for pair in (
            [(condition, False), (then, False)],
            [(condition, True), (parts[2], False)],
            [(then, False), (parts[2], False)],
        ):
            self.send(self.gate(2, pair), (whole, False))
        return whole

    def send(self, gate: int, goal: Goal) -> None:
        self.gates[gate].goals.append(goal)
