"""The command line: the composition root, where settings become a database, services, servers and workers.

What is here: the table of commands and how errors are told. Each command stands in a module beside this one.
"""

from __future__ import annotations

import sys

import typer

from headrace.cli import (
    accounts,
    alert_recipients,
    clock,
    counts,
    demo,
    doctor,
    explain,
    faults,
    flow,
    flows,
    history,
    inbox,
    keys,
    migrate,
    people,
    person_ends,
    review,
    segments,
    serve,
    settings,
    simulate,
    up,
    webhooks,
)
from headrace.cli import work as workers
from headrace.cli.imports import events as event_import
from headrace.cli.imports import people as people_import
from headrace.errors import HeadraceError

app = typer.Typer(
    name="headrace",
    help="A self-hosted flow-automation engine that speaks Klaviyo's API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("work")(workers.work)
app.command("migrate")(migrate.migrate)
app.command("import")(flows.import_file)
app.command("export")(flows.export)
app.command("import-profiles")(people_import.import_profiles)
app.command("import-events")(event_import.import_events)
app.command("inbox")(inbox.inbox)
app.command("counts")(counts.counts)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("simulate")(simulate.simulate_flow)
app.command("demo")(demo.demo)

_account = typer.Typer(help="Tenants.", no_args_is_help=True)
_account.command("create")(accounts.create)
_account.command("list")(accounts.list_)
_account.command("settings")(settings.settings)
app.add_typer(_account, name="account")

_key = typer.Typer(help="Private keys of the API.", no_args_is_help=True)
_key.command("create")(keys.create)
_key.command("list")(keys.list_)
_key.command("revoke")(keys.revoke)
app.add_typer(_key, name="key")

_clock = typer.Typer(help="The clock of a test account.", no_args_is_help=True)
_clock.command("show")(clock.show)
_clock.command("freeze")(clock.freeze)
_clock.command("advance")(clock.advance)
_clock.command("run-to-next")(clock.run_to_next)
_clock.command("follow")(clock.follow)
app.add_typer(_clock, name="clock")

_fault = typer.Typer(help="What a tester lets go wrong in a test account.", no_args_is_help=True)
_fault.command("add")(faults.add)
_fault.command("list")(faults.list_)
_fault.command("clear")(faults.clear)
app.add_typer(_fault, name="fault")

_flow = typer.Typer(help="Managing a flow as a whole.", no_args_is_help=True)
_flow.command("archive")(flow.archive)
_flow.command("unarchive")(flow.unarchive)
_flow.command("back-populate")(flow.back_populate)
_flow.command("held")(flow.show_held)
_flow.command("release-held")(flow.release_held)
_flow.command("discard-held")(flow.discard_held)
app.add_typer(_flow, name="flow")

_person = typer.Typer(help="People's consent, suppressions, devices and lists.", no_args_is_help=True)
_person.command("consent")(people.consent)
_person.command("suppress")(people.suppress_)
_person.command("unsuppress")(people.unsuppress_)
_person.command("token")(people.token)
_person.command("join")(people.join)
_person.command("leave")(people.leave)
_person.command("merge")(person_ends.merge)
_person.command("delete")(person_ends.delete)
_person.command("history")(history.history)
app.add_typer(_person, name="person")

_segment = typer.Typer(help="Segments and who is in them.", no_args_is_help=True)
_segment.command("list")(segments.list_)
_segment.command("show")(segments.show)
_segment.command("evaluate")(segments.evaluate)
_segment.command("check")(segments.check)
app.add_typer(_segment, name="segment")

_review = typer.Typer(help="Messages under review.", no_args_is_help=True)
_review.command("list")(review.list_)
_review.command("release")(review.release)
_review.command("cancel")(review.cancel)
app.add_typer(_review, name="review")

_recipient = typer.Typer(help="Who gets internal alerts.", no_args_is_help=True)
_recipient.command("add")(alert_recipients.add)
_recipient.command("confirm")(alert_recipients.confirm)
_recipient.command("list")(alert_recipients.list_)
app.add_typer(_recipient, name="alert-recipient")

_webhook = typer.Typer(help="Webhooks that are told of events.", no_args_is_help=True)
_webhook.command("list")(webhooks.list_)
_webhook.command("deliveries")(webhooks.deliveries)
_webhook.command("retry")(webhooks.retry)
app.add_typer(_webhook, name="webhook")


def main() -> None:
    """Run the command line; an error that Headrace reports is one line on standard error and exit status 1."""
    try:
        app()
    except HeadraceError as error:
        print(f"headrace: {error}", file=sys.stderr)
        sys.exit(1)
