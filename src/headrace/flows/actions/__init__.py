"""The actions: one file per type and this table. Source: reference 2."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.flows.actions.ab_test import AbTest
from headrace.flows.actions.action_output_split import ActionOutputSplit
from headrace.flows.actions.back_in_stock_delay import BackInStockDelay
from headrace.flows.actions.base import Action, ActionModel, Place
from headrace.flows.actions.code import Code
from headrace.flows.actions.conditional_split import ConditionalSplit
from headrace.flows.actions.content_experiment import ContentExperimentAction
from headrace.flows.actions.countdown_delay import CompiledCountdownDelay, CountdownDelay
from headrace.flows.actions.internal_service import InternalService
from headrace.flows.actions.list_update import ListUpdate
from headrace.flows.actions.multi_branch_split import CompiledMultiBranchSplit, MultiBranchSplit
from headrace.flows.actions.send_email import SendEmail
from headrace.flows.actions.send_internal_alert import SendInternalAlert
from headrace.flows.actions.send_mobile_push import SendMobilePush
from headrace.flows.actions.send_sms import SendSms
from headrace.flows.actions.send_webhook import SendWebhook
from headrace.flows.actions.send_whatsapp import SendWhatsApp
from headrace.flows.actions.splitting import CompiledSplit
from headrace.flows.actions.target_date import CompiledTargetDate, TargetDate
from headrace.flows.actions.time_delay import CompiledTimeDelay, TimeDelay
from headrace.flows.actions.trigger_split import TriggerSplit
from headrace.flows.actions.update_profile import UpdateProfile

__all__ = [
    "ACTIONS",
    "DELAYS",
    "WITH_STATUS",
    "Action",
    "ActionModel",
    "CompiledDelay",
    "Place",
    "is_split",
    "yes_branch",
]

ACTIONS: Mapping[str, type[ActionModel]] = {
    "ab-test": AbTest,
    "action-output-split": ActionOutputSplit,
    "back-in-stock-delay": BackInStockDelay,
    "code": Code,
    "conditional-split": ConditionalSplit,
    "content-experiment": ContentExperimentAction,
    "countdown-delay": CountdownDelay,
    "internal-service": InternalService,
    "list-update": ListUpdate,
    "multi-branch-split": MultiBranchSplit,
    "send-email": SendEmail,
    "send-internal-alert": SendInternalAlert,
    "send-mobile-push": SendMobilePush,
    "send-sms": SendSms,
    "send-webhook": SendWebhook,
    "send-whatsapp": SendWhatsApp,
    "target-date": TargetDate,
    "time-delay": TimeDelay,
    "trigger-split": TriggerSplit,
    "update-profile": UpdateProfile,
}

WITH_STATUS = frozenset(
    (
        "ab-test",
        "content-experiment",
        "internal-service",
        "list-update",
        "send-email",
        "send-internal-alert",
        "send-mobile-push",
        "send-sms",
        "send-webhook",
        "send-whatsapp",
        "update-profile",
    )
)
"""The types whose data has a `status`; delays and splits have none. Source: reference 1.1."""

DELAYS = frozenset(("countdown-delay", "target-date", "time-delay"))
"""The types in which a run waits."""
CompiledDelay = CompiledCountdownDelay | CompiledTargetDate | CompiledTimeDelay
CompiledAnySplit = CompiledMultiBranchSplit | CompiledSplit


def is_split(action: Action) -> bool:
    """Tell whether an action has several ways on."""
    return isinstance(action, CompiledAnySplit)


def yes_branch(action: Action) -> int | None:
    """Return where a split leads those who skip its question, None for an end and for an action that is no split.

    Source: reference 1.1 (YES). Our choice: of several branches it is the first one that is asked.
    """
    match action:
        case CompiledSplit():
            return action.if_true
        case CompiledMultiBranchSplit():
            return action.branches[0].next_id if action.branches else None
        case _:
            return None
