"""Every operation and every resource of the API, one module per family; the newest revision.

A new operation is a row in its module, a new module a line in each of the two tables here.
"""

from headrace.api.resources import accounts
from headrace.jsonapi.operation import Operation
from headrace.jsonapi.resource import Resource

OPERATIONS: tuple[Operation, ...] = (*accounts.OPERATIONS,)

RESOURCES: tuple[Resource, ...] = (accounts.ACCOUNT,)
