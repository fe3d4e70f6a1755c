"""The grammar of the JSON:API that Headrace speaks, as rows: resources, operations and the shapes that carry them out.

What is here: everything that an operation of the API has in common with the others (query strings, documents, errors,
routes, the OpenAPI document). What is not: any one resource, flows, storage, accounts: the `api` package writes rows
over this grammar. Follows DESIGN section 4, reference section 7 and docs/decisions/0005-jsonapi.md.
"""
