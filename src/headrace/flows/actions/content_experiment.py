"""`content-experiment`: variations of a push notification or a WhatsApp message. Source: reference 2.4."""

from __future__ import annotations

from typing import Annotated, Literal

from headrace.conditions.parsing import OneOf
from headrace.flows.actions.experiments import ExperimentAction, ExperimentData, ExperimentModel
from headrace.flows.actions.send_mobile_push import SendMobilePush
from headrace.flows.actions.send_whatsapp import SendWhatsApp
from headrace.flows.actions.sending import SendModel
from headrace.flows.fields import DateTimeText

Tested = Annotated[SendModel, OneOf({"send-mobile-push": SendMobilePush, "send-whatsapp": SendWhatsApp})]


class ContentExperiment(ExperimentModel):
    """The experiment."""

    variations: list[Tested]
    started: DateTimeText | None = None
    winner_metric: Literal["click-rate", "open-rate"] | None = None


class ContentExperimentData(ExperimentData):
    """The main action, the experiment and their statuses."""

    experiment_status: Literal["completed", "draft", "live"] | None = None
    main_action: Tested
    current_experiment: ContentExperiment | None = None


class ContentExperimentAction(ExperimentAction):
    """The action as a document writes it."""

    type: Literal["content-experiment"]
    data: ContentExperimentData
