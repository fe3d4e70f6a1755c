"""The tags that Django does not have, one file per subject; `headrace.templates.language` lists them."""
