"""Every operation and every resource of the API, one module per family; the newest revision.

A new operation is a row in its module, a new module a line in each of the two tables here.
"""

from headrace.api.resources import accounts, flow_actions, flow_messages, flows, tags, templates
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = (
    *accounts.OPERATIONS,
    *flows.OPERATIONS,
    *flow_actions.OPERATIONS,
    *flow_messages.OPERATIONS,
    *templates.OPERATIONS,
    *tags.OPERATIONS,
)

RESOURCES: tuple[Resource, ...] = (
    accounts.ACCOUNT,
    *flows.RESOURCES,
    *flow_actions.RESOURCES,
    *flow_messages.RESOURCES,
    *templates.RESOURCES,
    *tags.RESOURCES,
)
