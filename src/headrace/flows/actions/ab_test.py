"""`ab-test`: variations of an e-mail or a text message. Source: reference 2.4.

What is not here: finding the winner from what the variations brought.
"""

from __future__ import annotations

from typing import Annotated, Literal

from headrace.conditions.parsing import Model, OneOf
from headrace.flows.actions.experiments import ExperimentAction, ExperimentData, ExperimentModel
from headrace.flows.actions.send_email import SendEmail
from headrace.flows.actions.send_sms import SendSms
from headrace.flows.actions.sending import SendModel
from headrace.flows.fields import DateTimeText

Tested = Annotated[SendModel, OneOf({"send-email": SendEmail, "send-sms": SendSms})]


class AutomaticWinnerSelectionSettings(Model):
    """When the test ends by itself: on a date, on certainty, or on whichever comes first."""

    enabled: bool
    automatic_end_date: DateTimeText | None = None
    automatic_end_statistical_certainty: bool


class AbTestExperiment(ExperimentModel):
    """The test."""

    variations: list[Tested]
    started: DateTimeText | None = None
    winner_metric: Literal["submission", "unique-clicks", "unique-opens", "unique-placed-orders"] | None = None
    automatic_winner_selection_settings: AutomaticWinnerSelectionSettings | None = None


class AbTestData(ExperimentData):
    """The main action, the test and their statuses."""

    experiment_status: Literal["completed", "draft", "live"] = "draft"
    main_action: Tested
    current_experiment: AbTestExperiment | None = None


class AbTest(ExperimentAction):
    """The action as a document writes it."""

    type: Literal["ab-test"]
    data: AbTestData
