"""The command line: results on standard output, errors on standard error.

Exit status: 0 done, 1 `check` found something, 2 some input was refused, 70 an error of the program itself,
130 interrupted, 141 nobody reads the output any more. Libraries are imported by the command that needs them, so that
the first report is not kept waiting for those that it does not need.
"""

from __future__ import annotations

import errno
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
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, TypedDict

import click

from prescreen import __version__

if TYPE_CHECKING:
    from prescreen.amendment import Amendment
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

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
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
    except OSError as error:
        if error.errno not in _FULL:
            _say(f"internal error: {type(error).__name__}{_origin(error)}; please report it")
            return INTERNAL
        _say(f"error: the output cannot be written: {(error.strerror or 'no room').lower()}")
        return REFUSED
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


_out = click.option("--out", metavar="FILE", help="Write to a file instead of standard output.")


def _format(words: str, *forms: str) -> Callable[[Any], Any]:
    """The option `--format`: one of some forms, by default the first."""
    return click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help=words)


class _Seconds(click.FloatRange):
    """A time that somebody would wait: what is no number is in no range, and is let through by none."""

    def __init__(self) -> None:
        super().__init__(min=0.001, max=86400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if isnan(seconds):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


@cli.command()
@click.argument("trial")
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE...")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day, YYYY-MM-DD; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@_format("How the reports are written.", "text", "json", "jsonl", "html", "markdown", "fhir")
@_out
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
    line, or a FHIR R4 Bundle; `-` reads standard input.
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
@_format("How the findings are written.", "text", "json", "sarif")
@_out
@click.option("--prove", is_flag=True, help="Prove what can be proven of each trial: contradictions, gaps and more.")
@click.option(
    "--time-limit",
    type=_Seconds(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="With --prove: how long the solver may take over one question.",
)
@click.option(
    "--min-mutation-score",
    "least",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="How many of a rule file's mutants its cases must notice (90, where not said).",
)
@click.option("--no-mutations", is_flag=True, help="Make no mutants: a quick run.")
def check(
    paths: tuple[str, ...],
    form: str,
    out: str | None,
    prove: bool,
    time_limit: float,
    least: int | None,
    no_mutations: bool,
) -> int:
    """Check rule files and catalogues: that they load, that cases hold, and that the cases hold the rules.

    Each criterion needs a case of each status, each threshold one on it and one beyond it, each leaf one that rests
    on it. Then one thing at a time is changed in the rules, and the changes that no case notices are listed.

    PATH is a folder with trials and catalogues at any depth, a trial's own folder, or a file.
    """
    from prescreen.check import LEAST_SCORE, Proving, check_paths
    from prescreen.check.reporting import FORMS, summary, survivors, told
    from prescreen.problems import InputRefused

    if no_mutations and least is not None:
        raise click.UsageError("--min-mutation-score and --no-mutations exclude each other")
    least = None if no_mutations else LEAST_SCORE if least is None else least
    results = []
    progress = _Progress()
    try:
        proving = Proving(time_limit, progress.say) if prove else None
        for checked in check_paths(paths, least, lambda made: progress.say(f"{made} mutants"), proving):
            progress.end()
            results.append(checked)
            if form == "text" and out is None:  # said as it is found: a long check is not waited for
                for each in told(checked):
                    _say(each)
                for line in (summary(checked), *survivors(checked)):
                    click.echo(_harmless(line))
        if form != "text" or out is not None:
            with _output(out) as stream:
                stream.write(FORMS[form](results))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    return FOUND if any(checked.found for checked in results) else DONE


@cli.command()
@click.argument("trial")
@click.option("--data", required=True, metavar="DIR", help="A folder of cohort tables, or a DuckDB database.")
@click.option("--candidate", required=True, metavar="ID", help="The candidate's id in the tables.")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day, YYYY-MM-DD; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@_format("How the report is written.", "text", "json", "jsonl", "html", "markdown")
@_out
def explain(
    trial: str, data: str, candidate: str, on: date | None, ranges: str | None, form: str, out: str | None
) -> int:
    """Explain one candidate of a cohort: the full report, made of the candidate's rows.

    TRIAL is a folder, a trial.yaml or a bundled trial's id. Rows that cannot be read are listed with the report, and
    what would have used them is undetermined.
    """
    from prescreen import load_trial
    from prescreen.api import explain as explained
    from prescreen.problems import InputRefused
    from prescreen.ranges import load_ranges
    from prescreen.tables import open_tables

    day = date.today() if on is None else on  # noqa: DTZ011 - the calendar day of whoever screens
    try:
        rules = load_trial(trial)
        table = None if ranges is None else load_ranges(ranges, rules.catalogue)
        _keep_inputs(out, [] if ranges is None else [ranges])
        with open_tables(data) as tables:
            for issue in tables.issues:
                _say(f"note: {issue.place}: {issue.message}")
            report = explained(rules, tables, candidate, on=day, ranges=table)
        with _output(out) as stream:
            _WRITERS[form](_Reports([report]), stream, "verbose")
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    if on is None:
        _say(f"note: the screening day is today, {day}; --on sets another")
    return DONE


class _Size(click.ParamType[int]):
    """An amount of memory: 4GB, 512MB."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = str(value)[:-2], str(value)[-2:].upper()
        factor = {"MB": 10**6, "GB": 10**9}.get(unit)
        if factor is None or not number.strip().isdigit() or int(number) * factor < 256 * 10**6:
            self.fail(f"`{str(value)[:40]}` is no amount of memory: expected 256MB or more, such as 4GB", param, ctx)
        return int(number) * factor


@cli.command()
@click.argument("trials", nargs=-1, required=True, metavar="TRIAL...")
@click.option("--data", required=True, metavar="DIR", help="A folder of cohort tables, or a DuckDB database.")
@click.option("--out", required=True, metavar="DIR", help="The folder for the results; made if it is not there.")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day, YYYY-MM-DD; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@click.option("--vary", multiple=True, metavar="CHANGE", help="What if: `E6=off`, `I3.1: ALT at_most 5 ULN`.")
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True, help="What computes it."
)
@click.option("--memory", type=_Size(), default="4GB", show_default=True, help="About the most that it may take.")
@click.option("--quiet", is_flag=True, help="Do not print the funnel.")
def cohort(
    trials: tuple[str, ...],
    data: str,
    out: str,
    on: date | None,
    ranges: str | None,
    vary: tuple[str, ...],
    engine: str,
    memory: int,
    quiet: bool,
) -> int:
    """Screen a whole cohort against one or several trials, in one pass over its tables.

    TRIAL is a folder, a trial.yaml or a bundled trial's id. The results are files: criteria.parquet, verdicts.parquet,
    issues.parquet, funnel.json, funnel.html, and manifest.json, which is there once all are whole.
    """
    from prescreen import load_trial
    from prescreen.problems import InputRefused
    from prescreen.ranges import load_ranges
    from prescreen.tables import require

    day = date.today() if on is None else on  # noqa: DTZ011 - the calendar day of whoever screens
    try:
        require("duckdb", "numpy", "pyarrow")
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    from prescreen.cohort import DisagreementError, Options, make_plan, read_changes, run_cohort

    try:
        rules = [load_trial(trial) for trial in trials]
        table = None if ranges is None else load_ranges(ranges, rules[0].catalogue)
        plan = make_plan(rules, [read_changes(change, rules) for change in vary])
        tell = _said_over() if sys.stderr.isatty() else None
        options = Options(memory=memory)
        done = run_cohort(plan, data, out, day.toordinal(), table, options, tell, engine)
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    except DisagreementError as error:
        _say(f"internal error: {error}")
        return INTERNAL
    if not quiet:
        from prescreen.funnel import funnel_text

        click.echo(funnel_text(done.funnel, **_looks(sys.stdout)), nl=False)
    direct = done.manifest["direct"]
    _say(
        f"{done.manifest['candidates']:,} candidates in {done.manifest['seconds']['all']:.1f} s; "
        f"{direct['share_of_pairs']:.2%} of candidates × criteria left to the direct evaluator "
        f"({direct['candidates_read']:,} candidates), {direct['audited']:,} candidates audited; results in {out}"
    )
    if done.funnel["issues"]:
        _say(f"note: {done.funnel['issues']:,} issues with the tables are listed in issues.parquet")
    if on is None:
        _say(f"note: the screening day is today, {day}; --on sets another")
    return DONE


def _said_over() -> Callable[[str, int, int | None, float], None]:
    """Progress on one line of a terminal, written over."""
    from prescreen.cohort.progress import words

    def tell(what: str, done: int, whole: int | None, seconds: float) -> None:
        click.echo(f"\r\033[K{words(what, done, whole, seconds)}\r", err=True, nl=False)

    return tell


@cli.command()
@click.option("--candidates", type=click.IntRange(1, 100_000_000), required=True, metavar="N", help="How many.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed, the same cohort.")
@click.option("--out", required=True, metavar="DIR", help="The folder for the tables; made if it is not there.")
@click.option(
    "--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True, help="Of tables."
)
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day to make it for; 2026-06-01 if not given.")
@click.option(
    "--results",
    type=click.FloatRange(0, 1_000),
    default=20,
    show_default=True,
    help="Results of a candidate, on average.",
)
@click.option(
    "--irregular",
    type=click.FloatRange(0, 1),
    default=0.03,
    show_default=True,
    help="The share of rows that are unusual, though they can be read.",
)
@click.option(
    "--bad", type=click.FloatRange(0, 1), default=0, show_default=True, help="The share of rows that cannot be read."
)
@click.option(
    "--trial", "trials", multiple=True, metavar="TRIAL", help="Whose questions to answer; all bundled if none."
)
def synth(
    candidates: int,
    seed: int,
    out: str,
    form: Literal["parquet", "csv"],
    on: date | None,
    results: float,
    irregular: float,
    bad: float,
    trials: tuple[str, ...],
) -> int:
    """Make up a cohort of any size: tables in which no person is, for trying out, tests and benchmarks."""
    from prescreen import load_trial
    from prescreen.language.load import bundled_trials
    from prescreen.problems import InputRefused
    from prescreen.tables import require

    try:
        require("numpy", "pyarrow")
        from prescreen.synth import DEFAULT_DAY, Shares, synthesise

        progress = _Progress()
        shares = Shares(irregular=irregular, bad=bad, results=results)
        asked = [load_trial(trial) for trial in trials or bundled_trials()]
        counts = synthesise(
            candidates,
            seed,
            out,
            form=form,
            on=on or DEFAULT_DAY,
            shares=shares,
            trials=asked,
            progress=progress.counted("candidates"),
        )
        progress.end()
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    click.echo(f"{out}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    return DONE


@cli.command()
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--trial", "trials", multiple=True, metavar="TRIAL", help="Show which criteria of a trial are touched.")
@_format("How it is written.", "text", "json")
@_out
def inspect(bundles: tuple[str, ...], trials: tuple[str, ...], form: str, out: str | None) -> int:
    """Show what of FHIR Bundles is understood, what not, and which criteria that touches.

    A BUNDLE is a file with a FHIR R4 Bundle, or one a line; `-` reads standard input.
    """
    import msgspec

    from prescreen import load_trial
    from prescreen.candidate.read import read_texts
    from prescreen.catalogue import bundled_catalogue
    from prescreen.fhir.inspect import Inspected, inspect_bundle, render
    from prescreen.fhir.read import read_bundle
    from prescreen.problems import InputRefused

    found: list[Inspected] = []
    refused = 0
    try:
        rules = [load_trial(trial) for trial in trials]
        catalogue = rules[0].catalogue if rules else bundled_catalogue()
        _keep_inputs(out, bundles)
        for path in bundles:
            for text in read_texts(path):
                try:
                    name = text.file if text.line is None else f"{text.file}:{text.line}"
                    found.append(inspect_bundle(name, read_bundle(text.content(), catalogue), catalogue, rules))
                except InputRefused as wrong:
                    refused += 1
                    _tell(text.at_its_place(wrong))
        with _output(out) as stream:
            if form == "text":
                stream.write(render(found))
            else:
                stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    except InputRefused as wrong:
        _tell(wrong)
        return REFUSED
    return REFUSED if refused else DONE


@cli.command("import")
@click.argument("folder")
@click.option("--out", required=True, metavar="DIR", help="The folder for the tables, which is made.")
@_format("How the tables are written.", "parquet", "csv")
def import_(folder: str, out: str, form: str) -> int:
    """Make cohort tables of a FHIR bulk export: a folder of NDJSON files, one resource a line, or of Bundles.

    What is wrong with the data is listed in the file _issues.jsonl beside the tables.
    """
    from prescreen.catalogue import bundled_catalogue
    from prescreen.fhir.bulk import import_folder
    from prescreen.problems import InputRefused

    progress = _Progress()
    try:
        done = import_folder(folder, out, bundled_catalogue(), form, progress.counted("resources"))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    finally:
        progress.end()
    states = ", ".join(f"{count} {state}" for state, count in sorted(done.states.items()))
    click.echo(f"{sum(done.states.values())} resources of {done.patients} patients: {states}")
    click.echo(f"{done.rows} rows in {out}; {done.issues} issues")
    return DONE


@cli.command()
@click.argument("trial")
@click.option(
    "--format",
    "form",
    type=click.Choice(["fhir-group"]),
    default="fhir-group",
    show_default=True,
    help="As what it is written.",
)
@_out
def export(trial: str, form: str, out: str | None) -> int:
    """Write a trial's criteria as another system reads them: a FHIR Group with characteristics.

    TRIAL is a folder, a trial.yaml or a bundled trial's id. What the form cannot express is told.
    """
    import json

    from prescreen import load_trial
    from prescreen.fhir.group import group_of
    from prescreen.problems import InputRefused

    try:
        group, untold = group_of(load_trial(trial))
        with _output(out) as stream:
            stream.write(json.dumps(group, indent=2, ensure_ascii=False) + "\n")
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    for each in untold:
        _say(f"not expressed: {each}")
    return DONE


@cli.command()
@click.argument("catalogue", metavar="CATALOGUE")
@click.option("--server", required=True, metavar="URL", help="The FHIR base address of a terminology server.")
@click.option("--on", type=_Day(), metavar="DATE", help="The day to date the lists with; today if not given.")
def expand(catalogue: str, server: str, on: date | None) -> int:
    """Ask a terminology server for all codes below those that a catalogue's value sets include, and pin them in files.

    CATALOGUE is a folder of catalogue files; the lists come into its folder `expansions`, and are read with it.
    """
    from prescreen.catalogue import load_catalogue
    from prescreen.problems import InputRefused
    from prescreen.terminology.expand import expandable, expansion_of, write_expansions
    from prescreen.terminology.server import Server

    day = date.today() if on is None else on  # noqa: DTZ011 - the calendar day of whoever asks
    folder = Path(catalogue)
    try:
        asked = Server(server)
        concepts = list(expandable(load_catalogue(folder)))
        found = {concept.name: expansion_of(concept, asked, day.isoformat()) for concept in concepts}
        for path in write_expansions([each for each in found.values() if each is not None], folder):
            click.echo(str(path))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    if unknown := [name for name, each in found.items() if each is None]:
        _say(f"error: the server gives no full list for {', '.join(unknown)}")
    return REFUSED if unknown else DONE


@cli.command()
@click.argument("old")
@click.argument("new")
@_format("How the changes are written.", "text", "json", "markdown")
@_out
@click.option("--candidates", metavar="FILE", help="Also write the candidates, one a line, for `prescreen screen`.")
@click.option(
    "--time-limit",
    type=_Seconds(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the solver may take over one question.",
)
def diff(old: str, new: str, form: str, out: str | None, candidates: str | None, time_limit: float) -> int:
    """Tell what an amendment changed: criterion by criterion, in words, with a candidate whose status it changes.

    OLD and NEW are two versions of a trial: each a folder, a trial.yaml or a bundled trial's id.
    """
    from prescreen import load_trial
    from prescreen.amendment import compare
    from prescreen.amendment.telling import candidate
    from prescreen.problems import InputRefused

    trials: list[Trial] = []
    for path in (old, new):
        try:
            trials.append(load_trial(path))
        except InputRefused as refused:
            _tell(refused)
    if len(trials) < 2:
        return REFUSED
    before, after = trials
    try:
        for target in (out, candidates):
            _keep_inputs(target, [trial.file for trial in trials if trial.file])
        amendment = _with_candidates(compare(before, after), before, after, time_limit)
        with _output(out) as stream:
            _AMENDMENTS[form](amendment, stream)
        if candidates is not None:
            with _output(candidates) as stream:
                stream.writelines(f"{candidate(witness)}\n" for witness in amendment.witnesses)
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    return DONE


def _with_candidates(amendment: Amendment, old: Trial, new: Trial, seconds: float) -> Amendment:
    """The amendment with candidates whose status it changes, where the solver is installed."""
    from prescreen.problems import InputRefused

    if not amendment.criteria:
        return amendment
    try:
        from prescreen.amendment.witnesses import with_witnesses
    except InputRefused as refused:
        for problem in refused.problems:
            _say(f"note: no candidates are looked for: {problem.message}; {problem.hint}")
        return amendment
    progress = _Progress()
    found = with_witnesses(amendment, old, new, seconds=seconds, say=progress.say)
    progress.end()
    return found


def _amendment_text(amendment: Amendment, stream: TextIO) -> None:
    from prescreen.amendment import text

    stream.write(text.render(amendment, **_looks(stream)))


def _amendment_json(amendment: Amendment, stream: TextIO) -> None:
    stream.write(amendment.model_dump_json(indent=2) + "\n")


def _amendment_markdown(amendment: Amendment, stream: TextIO) -> None:
    from prescreen.amendment import markdown

    stream.write(markdown.render(amendment))


_AMENDMENTS: Final[dict[str, Callable[[Amendment, TextIO], None]]] = {
    "text": _amendment_text,
    "json": _amendment_json,
    "markdown": _amendment_markdown,
}


@cli.command()
@click.argument("trials", nargs=-1, required=True, metavar="TRIAL...")
@click.option("--on", type=_Day(), metavar="DATE", help="The screening day of a new log; today if not given.")
@click.option("--ranges", metavar="FILE", help="A CSV of the site's reference ranges.")
@click.option(
    "--store", metavar="URL", help="Where the log is kept: a file, or a database's URL; in memory if not given."
)
@click.option("--from", "feeds", multiple=True, metavar="FILE", help="Read events from there; `-`: standard input.")
@_format("How changes are written.", "jsonl", "text")
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
        width = _looks(sys.stdout)["width"]
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
@_format("How it is written.", "text", "json")
@_out
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
            stream.write(found.as_json() if form == "json" else found.as_text(**_looks(stream)))
    except InputRefused as refused:
        _tell(refused)
        return REFUSED
    return DONE


@cli.command()
@click.argument("of", type=click.Choice(["trial", "catalogue", "candidate", "report", "diff"]))
def schema(of: str) -> int:
    """Print the JSON Schema of a rule file, a catalogue file, a candidate, a report or a comparison."""
    from prescreen.schemas import schema_text

    click.echo(schema_text(of), nl=False)
    return DONE


class _Reports:
    """Reports that are there already. given: how many candidates they are of."""

    def __init__(self, reports: Sequence[Report]) -> None:
        self.reports = reports
        self.given = len(reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)


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
        from prescreen.candidate.checks import check_against_day
        from prescreen.intake import candidates_of
        from prescreen.problems import InputRefused

        catalogue = self.trial.catalogue
        progress = _Progress()
        seen: dict[str, str] = {}
        for path in self.paths:
            for item in candidates_of(path, catalogue, seen):
                self.given += 1
                progress.say(f"{self.given} candidates")
                if isinstance(item, InputRefused):
                    self._refuse(item)
                elif problems := check_against_day(item.profile, self.day.toordinal(), path):
                    self._refuse(InputRefused(problems))
                else:
                    yield screen(self.trial, item, on=self.day, ranges=self.ranges)
        progress.end()

    def _refuse(self, refused: InputRefused) -> None:
        self.refused += 1
        _tell(refused)


class _Progress:
    """What a long run is at, on a terminal only."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = time.monotonic() + _PATIENCE
        self._said = False

    def say(self, what: str) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._said = True
            click.echo(f"\r\033[K{_harmless(what)} …", err=True, nl=False)

    def counted(self, things: str) -> Callable[[int], None]:
        """Says how many of some things are done."""
        return lambda number: self.say(f"{number:,} {things}")

    def end(self) -> None:
        if self._said:
            self._said = False
            click.echo("\r\033[K", err=True, nl=False)


def _write_text(run: _Run | _Reports, stream: TextIO, detail: _Detail) -> None:
    from prescreen.report import text

    looks = _looks(stream)
    reports = list(run)
    if run.given > 1 or detail == "summary":
        stream.write(text.render_summary(reports, **looks))
    if detail == "summary":
        return
    for report in reports:
        if run.given > 1:
            stream.write("\n")
        stream.write(text.render(report, verbose=detail == "verbose", **looks))


class _Looks(TypedDict):
    colour: bool
    width: int


def _looks(stream: TextIO) -> _Looks:
    """Colour and width of a text: those of the terminal, if it goes to one."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if terminal else _WIDTH
    return {"colour": terminal and not os.environ.get("NO_COLOR"), "width": width}


def _write_json(run: _Run | _Reports, stream: TextIO, _detail: _Detail) -> None:
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


def _write_lines(run: _Run | _Reports, stream: TextIO, _detail: _Detail) -> None:
    for report in run:
        stream.write(report.model_dump_json() + "\n")
        stream.flush()


def _write_html(run: _Run | _Reports, stream: TextIO, _detail: _Detail) -> None:
    from prescreen.report import html

    stream.write(html.render(list(run)))


def _write_markdown(run: _Run | _Reports, stream: TextIO, _detail: _Detail) -> None:
    from prescreen.report import markdown

    stream.write(markdown.render(list(run)))


def _write_fhir(run: _Run | _Reports, stream: TextIO, _detail: _Detail) -> None:
    from prescreen.report import fhir

    stream.write(fhir.render(list(run)))


_WRITERS: Final[dict[str, Callable[[_Run | _Reports, TextIO, _Detail], None]]] = {
    "text": _write_text,
    "json": _write_json,
    "jsonl": _write_lines,
    "html": _write_html,
    "markdown": _write_markdown,
    "fhir": _write_fhir,
}


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """While rules are loaded nothing becomes garbage; looking for it again and again only delays the first report."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # rules stay; looking at them again with each candidate's garbage is in vain
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
