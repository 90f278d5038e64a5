"""The command line: results on standard output, errors on standard error.

Exit status: 0 done, 1 `check` found something, 2 some input was refused, 70 an error of the program itself,
130 interrupted, 141 nobody reads the output any more. Libraries are imported by the command that needs them, so that
the first report is not kept waiting for those that it does not need.
"""

from __future__ import annotations

import gc
import io
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

import click

from prescreen import __version__

if TYPE_CHECKING:
    from prescreen.language.model import Trial
    from prescreen.problems import InputRefused
    from prescreen.ranges import Ranges
    from prescreen.report import Report

DONE: Final = 0
FOUND: Final = 1
REFUSED: Final = 2
INTERNAL: Final = 70
INTERRUPTED: Final = 130
UNREAD: Final = 141

_SHOWN: Final = 50  # problems of one input
_ALIKE: Final = 10  # problems of one kind
_PATIENCE: Final = 2.0  # seconds without a word
_WIDTH: Final = 100  # where the output is no terminal

_Detail = Literal["summary", "short", "verbose"]  # of a text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; never a traceback."""
    try:
        with cli.make_context("prescreen", list(sys.argv[1:] if arguments is None else arguments)) as context:
            status = cli.invoke(context)
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader either: let it go nowhere when Python exits.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception as error:
        _say(f"internal error: {type(error).__name__}{_origin(error)}; please report it")
        return INTERNAL


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Pre-screen candidates for clinical trials: exact, three-valued, explained."""


class _Day(click.ParamType[date]):
    """A calendar day, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        text = str(value)
        try:
            return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            self.fail(f"`{text[:40]}` is no day: expected YYYY-MM-DD", param, ctx)


@cli.command()
@click.argument("trial")
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE...")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day, YYYY-MM-DD; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl", "html", "markdown"]),
    default="text",
    show_default=True,
    help="How the reports are written.",
)
@click.option("--out", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--verbose", is_flag=True, help="Show how each criterion was decided (text).")
@click.option("--summary", is_flag=True, help="Show a line for each candidate, and no reports (text).")
def screen(
    trial: str,
    candidates: tuple[str, ...],
    on: date | None,
    ranges: str | None,
    form: str,
    out: str | None,
    verbose: bool,
    summary: bool,
) -> int:
    """Screen candidates against a trial.

    TRIAL is a folder, a trial.yaml or a bundled trial's id. A CANDIDATE is a JSON file with one candidate, or one a
    line; `-` reads standard input.
    """
    from prescreen import load_trial
    from prescreen.problems import InputRefused
    from prescreen.ranges import load_ranges

    if form != "text" and (verbose or summary):
        raise click.UsageError(f"{'--verbose' if verbose else '--summary'} goes with --format text only")
    if verbose and summary:
        raise click.UsageError("--verbose and --summary exclude each other")
    day = date.today() if on is None else on  # noqa: DTZ011 - the calendar day of whoever screens
    try:
        with _collector_at_rest():
            rules = load_trial(trial)
        run = _Run(rules, candidates, day, None if ranges is None else load_ranges(ranges, rules.catalogue))
        _keep_inputs(out, [*candidates, *([] if ranges is None else [ranges])])
        with _output(out) as stream:
            _WRITERS[form](run, stream, "summary" if summary else "verbose" if verbose else "short")
            if on is None and form == "text":
                stream.write(f"\nThe screening day is today, {day}; --on sets another.\n")
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    if on is None:
        _say(f"note: the screening day is today, {day}; --on sets another")
    if run.refused:
        _say(f"{run.refused} of {run.given} candidates refused")
    return REFUSED if run.refused else DONE


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="How the findings are written.",
)
@click.option("--out", metavar="FILE", help="Write to a file instead of standard output.")
@click.option(
    "--min-mutation-score",
    "least",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="How many of a rule file's mutants its cases must notice (90, where not said).",
)
@click.option("--no-mutations", is_flag=True, help="Make no mutants: a quick run.")
def check(paths: tuple[str, ...], form: str, out: str | None, least: int | None, no_mutations: bool) -> int:
    """Check rule files and catalogues: that they load, that cases hold, and that the cases hold the rules.

    Each criterion needs a case of each status, each threshold one on it and one beyond it, each leaf one that rests
    on it. Then one thing at a time is changed in the rules, and the changes that no case notices are listed.

    PATH is a folder with trials and catalogues at any depth, a trial's own folder, or a file.
    """
    from prescreen.check import LEAST_SCORE, check_paths
    from prescreen.check.reporting import FORMS, summary, survivors
    from prescreen.problems import InputRefused

    if no_mutations and least is not None:
        raise click.UsageError("--min-mutation-score and --no-mutations exclude each other")
    least = None if no_mutations else LEAST_SCORE if least is None else least
    results = []
    progress = _Progress("mutants")
    for checked in check_paths(paths, least, progress.say):
        progress.end()
        results.append(checked)
        if form == "text" and out is None:  # said as it is found: a long check is not waited for
            for problem in checked.problems:
                _say(str(problem))
            for line in (summary(checked), *survivors(checked)):
                click.echo(_harmless(line))
    try:
        if form != "text" or out is not None:
            with _output(out) as stream:
                stream.write(FORMS[form](results))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    return FOUND if any(checked.problems for checked in results) else DONE


@cli.command()
@click.argument("trials", nargs=-1, required=True, metavar="TRIAL...")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day of a new log; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@click.option(
    "--store", metavar="URL", help="Where the log is kept: a file, or a database's URL; in memory if not given."
)
@click.option("--from", "feeds", multiple=True, metavar="FILE", help="Read events from there; `-`: standard input.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "text"]),
    default="jsonl",
    show_default=True,
    help="How changes are written.",
)
@click.option("--acknowledge", is_flag=True, help="Write a line for each event once it is kept (jsonl).")
def watch(
    trials: tuple[str, ...],
    on: date | None,
    ranges: str | None,
    store: str | None,
    feeds: tuple[str, ...],
    form: str,
    acknowledge: bool,
) -> int:
    """Read facts as events, one JSON object a line, and print changes of status as they come about.

    TRIAL is a folder, a trial.yaml or a bundled trial's id.
    """
    from prescreen.problems import InputRefused
    from prescreen.session.commands import Watching, watch_feeds

    if acknowledge and form != "jsonl":
        raise click.UsageError("--acknowledge goes with --format jsonl only")
    today = date.today()  # noqa: DTZ011 - the calendar day of whoever screens
    try:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
        asked = Watching(trials, on, today, ranges, store, feeds or ("-",), form, acknowledge, width)
        return REFUSED if watch_feeds(asked, sys.stdout, _tell, _say) else DONE
    except InputRefused as refused:
        _tell(refused)
        return REFUSED


@cli.command()
@click.argument("trials", nargs=-1, metavar="[TRIAL...]")
@click.option(
    "--store", required=True, metavar="URL", help="The log of `prescreen watch`: a file, or a database's URL."
)
@click.option(
    "--ranges", metavar="FILE", help="A CSV of the site's reference ranges; by default that of the last session."
)
@click.option(
    "--since", type=_Day(), metavar="DATE", help="From when on the ineligible are new; by default seven days ago."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option("--out", metavar="FILE", help="Write to a file instead of standard output.")
def worklist(
    trials: tuple[str, ...], store: str, ranges: str | None, since: date | None, form: str, out: str | None
) -> int:
    """List whom to turn to next: one fact from a decision, to be screened again, newly ineligible.

    TRIAL is by default what the last session with the log had.
    """
    from prescreen.problems import InputRefused
    from prescreen.session.commands import list_work

    try:
        found = list_work(trials, store, ranges, since)
        with _output(out) as stream:
            terminal = stream.isatty()
            if form == "json":
                stream.write(found.as_json())
            else:
                colour = terminal and not os.environ.get("NO_COLOR")
                width = shutil.get_terminal_size().columns if terminal else _WIDTH
                stream.write(found.as_text(width=width, colour=colour))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    return DONE


@cli.command()
@click.argument("of", type=click.Choice(["trial", "catalogue", "candidate", "report"]))
def schema(of: str) -> int:
    """Print the JSON Schema of a rule file, a catalogue file, a candidate or a report."""
    from prescreen.schemas import schema_text

    click.echo(schema_text(of), nl=False)
    return DONE


class _Run:
    """The reports of a run, one at a time; refusals are told as they come. given, refused: how many so far."""

    def __init__(self, trial: Trial, paths: Sequence[str], day: date, ranges: Ranges | None) -> None:
        self.trial = trial
        self.paths = paths
        self.day = day
        self.ranges = ranges
        self.given = 0
        self.refused = 0

    def __iter__(self) -> Iterator[Report]:
        from prescreen import screen
        from prescreen.candidate import Candidate
        from prescreen.candidate.checks import check_against_day
        from prescreen.candidate.read import read_candidates
        from prescreen.problems import InputRefused

        catalogue = self.trial.catalogue
        progress = _Progress("candidates")
        seen: dict[str, str] = {}
        for path in self.paths:
            for item in read_candidates(path, catalogue=catalogue, seen=seen):
                self.given += 1
                progress.say(self.given)
                if isinstance(item, InputRefused):
                    self._refuse(item)
                elif problems := check_against_day(item, self.day.toordinal(), path):
                    self._refuse(InputRefused(problems))
                else:
                    yield screen(self.trial, Candidate(item, catalogue), on=self.day, ranges=self.ranges)
        progress.end()

    def _refuse(self, refused: InputRefused) -> None:
        self.refused += 1
        _tell(refused)


class _Progress:
    """How far a long run is, on a terminal only."""

    def __init__(self, of: str) -> None:
        self._of = of
        self._shown = sys.stderr.isatty()
        self._next = time.monotonic() + _PATIENCE
        self._said = False

    def say(self, number: int) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            self._said = True
            click.echo(f"\r{number} {self._of} …", err=True, nl=False)

    def end(self) -> None:
        if self._said:
            self._said = False
            click.echo("\r\033[K", err=True, nl=False)


def _write_text(run: _Run, stream: TextIO, detail: _Detail) -> None:
    from prescreen.report import text

    terminal = stream.isatty()
    colour = terminal and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns if terminal else _WIDTH
    reports = list(run)
    if run.given > 1 or detail == "summary":
        stream.write(text.render_summary(reports, colour=colour, width=width))
    if detail == "summary":
        return
    for report in reports:
        if run.given > 1:
            stream.write("\n")
        stream.write(text.render(report, verbose=detail == "verbose", colour=colour, width=width))


def _write_json(run: _Run, stream: TextIO, _detail: _Detail) -> None:
    """One candidate: its report. Several: a list, written as it grows."""
    reports = iter(run)
    first = next(reports, None)
    second = next(reports, None)
    if run.given < 2:
        if first is not None:
            stream.write(first.model_dump_json(indent=2) + "\n")
        return
    separator = "[\n"
    for report in chain((report for report in (first, second) if report is not None), reports):
        stream.write(separator + report.model_dump_json(indent=2))
        separator = ",\n"
    stream.write("[]\n" if first is None else "\n]\n")


def _write_lines(run: _Run, stream: TextIO, _detail: _Detail) -> None:
    for report in run:
        stream.write(report.model_dump_json() + "\n")
        stream.flush()


def _write_html(run: _Run, stream: TextIO, _detail: _Detail) -> None:
    from prescreen.report import html

    stream.write(html.render(list(run)))


def _write_markdown(run: _Run, stream: TextIO, _detail: _Detail) -> None:
    from prescreen.report import markdown

    stream.write(markdown.render(list(run)))


_WRITERS: Final[dict[str, Callable[[_Run, TextIO, _Detail], None]]] = {
    "text": _write_text,
    "json": _write_json,
    "jsonl": _write_lines,
    "html": _write_html,
    "markdown": _write_markdown,
}


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """While rules are loaded nothing becomes garbage; looking for it again and again only delays the first report."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _keep_inputs(out: str | None, inputs: Sequence[str]) -> None:
    """Refuse to write over a file that is read."""
    if out is not None and os.path.exists(out):
        for path in inputs:
            if path != "-" and os.path.exists(path) and os.path.samefile(path, out):
                raise _no_output(out, "is an input of this run and would be overwritten")


@contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears once it is whole; always UTF-8."""
    if path is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        yield sys.stdout
        return
    target = Path(path)
    if target.is_dir():
        raise _no_output(path, "is a directory: expected a file")
    if not target.parent.is_dir():
        raise _no_output(path, f"there is no folder {target.parent}")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    except OSError as error:
        raise _no_output(path, f"cannot be written: {(error.strerror or 'output error').lower()}") from None
    try:
        with open(handle, "w", encoding="utf-8", errors="replace") as stream:
            yield stream
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _no_output(path: str, message: str) -> InputRefused:
    from prescreen.problems import InputRefused, Problem

    return InputRefused([Problem("no-output", message, path)])


def _tell(refused: InputRefused) -> None:
    """What is wrong with an input; of many mistakes of a kind, the first ones."""
    kinds: Counter[str] = Counter()
    shown = 0
    for problem in refused.problems:
        kinds[problem.code] += 1
        if kinds[problem.code] <= _ALIKE and shown < _SHOWN:
            shown += 1
            _say(str(problem))
    if shown < len(refused.problems):
        _say(f"… and {len(refused.problems) - shown} more")


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        click.echo(_harmless(text), err=True)


def _harmless(text: str) -> str:
    """Text from an input, without what would command a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)


def _origin(error: BaseException) -> str:
    """Where in this program an error arose: no word of the input."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "prescreen" in code.co_filename:
            place = f" at {Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
