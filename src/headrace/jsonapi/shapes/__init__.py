"""The shapes: what all operations of one kind have in common, one function each.

| shape | operation | its command returns |
|---|---|---|
| `listing` | GET a collection | - |
| `get` | GET one by id | - |
| `create` | POST | the new id, or a row of the table |
| `update` | PATCH one | None, or a row of the table |
| `delete` | DELETE one | ignored |
| `related` | GET /x/{id}/name, to-one or to-many | ignored; it may ready what is read |
| `relationship` | GET /x/{id}/relationships/name | the same |
| `change_relationship` | POST, PATCH, DELETE of the same | ignored |
| `call` | anything else | None, a document, or a `Reply` |
"""

from headrace.jsonapi.shapes.calling import call
from headrace.jsonapi.shapes.reading import get, listing, related, relationship
from headrace.jsonapi.shapes.writing import change_relationship, create, delete, update

__all__ = [
    "call",
    "change_relationship",
    "create",
    "delete",
    "get",
    "listing",
    "related",
    "relationship",
    "update",
]
