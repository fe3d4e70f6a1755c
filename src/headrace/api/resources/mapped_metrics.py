"""The operations on mapped metrics: which metric stands for revenue, orders and so on."""

from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = ()
RESOURCES: tuple[Resource, ...] = ()
