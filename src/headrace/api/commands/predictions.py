"""Storing predictions about a person that somebody else made.

Our choice: the operation. Names and shapes are those that conditions ask for. Source: reference 3.1.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headrace.api.commands.values import Moment
from headrace.api.state import State
from headrace.jsonapi.bodies import Change, Model
from headrace.jsonapi.operation import Call
from headrace.storage.predictions import lay_predictions

TYPE = "headrace-predictions"
NEXT = "expected_date_of_next_purchase"

Amount = Annotated[float, Field(strict=True, ge=-1e15, le=1e15)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]


class Affinity(Model):
    """How much a person likes a channel: its place in their order, and a word for it."""

    priority: Annotated[int, Field(strict=True, ge=1, le=4)] | None = None
    rank: Literal["high", "low", "medium"] | None = None


class ChannelAffinity(Model):
    """How much a person likes each channel."""

    email: Affinity | None = None
    push: Affinity | None = None
    sms: Affinity | None = None
    whatsapp: Affinity | None = None


class Predictions(Model):
    """What is predicted; null removes a prediction, what is not named stays. Source: reference 3.1 (the names)."""

    average_days_between_orders: Amount | None = None
    average_order_value: Amount | None = None
    churn_probability: Share | None = None
    historic_clv: Amount | None = None
    historic_number_of_orders: Amount | None = None
    predicted_clv: Amount | None = None
    predicted_number_of_orders: Amount | None = None
    total_clv: Amount | None = None
    expected_date_of_next_purchase: Moment | None = None
    predicted_gender: Literal["likely_female", "likely_male", "uncertain"] | None = None
    channel_affinity: ChannelAffinity | None = None


class ChangedPredictions(Change[Literal["headrace-predictions"], Predictions]):
    """The body of PATCH /headrace/profiles/{id}/predictions."""


async def change(call: Call[State, ChangedPredictions]) -> None:
    """Lay predictions over those that the profile has."""
    state = call.ctx.state
    given: dict[str, Any] = call.body.data.attributes.model_dump(exclude_unset=True)
    if moment := given.get(NEXT):
        given[NEXT] = moment.isoformat()
    async with state.database.transaction() as transaction:
        await lay_predictions(transaction, state.account_id, call.path["id"], given, state.clock.now())
