"""What is made once and asked for often: bounded memories, of which the lookup is left to who remembers."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def keep(memory: dict[K, V], key: K, made: V, most: int) -> V:
    """Remember what was made, and give it back; a memory that holds `most` begins anew."""
    if len(memory) >= most:
        memory.clear()
    memory[key] = made
    return made
