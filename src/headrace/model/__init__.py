"""The records that the layers hand to one another: plain, frozen, without behavior that needs a database."""

from headrace.model.account import Account
from headrace.model.delivery import Channel, DeliveryState
from headrace.model.event import Event
from headrace.model.profile import Profile
from headrace.model.run import Run, RunSource, RunState

__all__ = ["Account", "Channel", "DeliveryState", "Event", "Profile", "Run", "RunSource", "RunState"]
