"""The operations on the properties that events of a metric have."""

from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = ()
RESOURCES: tuple[Resource, ...] = ()
