"""The operations on custom metrics, which are put together from others."""

from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = ()
RESOURCES: tuple[Resource, ...] = ()
