"""Campaigns, of which there are none: their collection, and their place in tags."""

from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = ()
RESOURCES: tuple[Resource, ...] = ()
