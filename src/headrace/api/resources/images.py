"""The operations on images."""

from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = ()
RESOURCES: tuple[Resource, ...] = ()
