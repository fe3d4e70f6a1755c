"""Importing people and events from files: `import-profiles` and `import-events`.

| module | what |
|---|---|
| `people`, `events` | the two commands and where their rows go |
| `options`, `running`, `bar` | what both share: options, going on where it stopped, the summary, the progress line |
| `csv_rows`, `columns`, `profile_rows` | from the bytes of a CSV file to checked people |
| `lines`, `event_lines` | from the bytes of a JSONL file to checked events |
| `error_files` | what is told about rows that are refused |

The loop over batches is `engine.imports`, how far a file is done `storage.import_files`.
"""
