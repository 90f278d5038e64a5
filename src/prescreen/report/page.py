"""Lines of text for a terminal: wrapped, hanging, in columns; plain where no colour is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

NARROWEST = 40  # columns; a narrower terminal wraps by itself


class Page:
    """Lines of at most `width` cells, written to a console that looks at nothing of its surroundings."""

    def __init__(self, colour: bool, width: int) -> None:
        self.width = max(NARROWEST, width)
        self._out = StringIO()
        self._console = Console(
            file=self._out,
            width=self.width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            force_jupyter=False,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
            _environ={},
        )

    def text(self) -> str:
        return self._out.getvalue()

    def blank(self) -> None:
        self._out.write("\n")

    def raw(self, line: str) -> None:
        """A line as it is, never wrapped: something to copy. It must hold nothing that steers a terminal."""
        self._out.write(f"{line}\n")

    def hang(self, prefix: str, body: Text, style: str = "", *, most: int | None = None) -> None:
        """`body` wrapped behind `prefix` (in `style`), its further lines indented as far, at `most` that far."""
        indent = min(cell_len(prefix), most or self.width, self.width // 2)
        whole = Text(prefix, style)
        whole.append_text(body)
        if cell_len(prefix) <= indent:
            self.columns([(Text(prefix, style), cell_len(prefix)), (body, self.width - cell_len(prefix))], gap=0)
            return
        first, *rest = self._wrap(whole, self.width)
        self._print(first)
        remaining = Text(" ").join(rest)
        if remaining.plain.strip():
            self.columns([(Text(), indent), (remaining, self.width - indent)], gap=0)

    def ends(self, left: Text, right: Text) -> None:
        """`left` and `right` at the two ends of a line; `right` on a line of its own where both do not fit."""
        space = self.width - left.cell_len - right.cell_len
        if space >= 2:
            self._print(Text.assemble(left, " " * space, right))
            return
        self.hang("", left)
        self.hang(" " * max(0, self.width - right.cell_len), right)

    def columns(self, cells: Sequence[tuple[Text, int]], *, gap: int = 1, clip: int | None = None) -> None:
        """Texts side by side, each wrapped within its width.

        clip: the last column but one may take as many lines as the last, or `clip`; then it is cut with an ellipsis.
        """
        blocks = [self._wrap(text, width) for text, width in cells]
        if clip is not None:
            most = max(clip, len(blocks[-1]))
            if len(blocks[-2]) > most:
                blocks[-2] = blocks[-2][:most]
                last = blocks[-2][-1]
                last.truncate(cells[-2][1] - 1)
                last.rstrip()
                last.append("…")
        for i in range(max(len(block) for block in blocks)):
            line = Text()
            for column, (block, (_, width)) in enumerate(zip(blocks, cells, strict=True)):
                part = block[i] if i < len(block) else Text()
                line.append_text(part)
                if column < len(cells) - 1:
                    line.append(" " * (width - part.cell_len + gap))
            self._print(line)

    def _wrap(self, text: Text, width: int) -> list[Text]:
        lines = list(text.wrap(self._console, max(1, width))) or [Text()]
        for line in lines:
            line.rstrip()
        return lines

    def _print(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)
