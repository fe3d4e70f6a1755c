"""PURE: the flow definition and the meaning of its parts; no storage, no clock, no network.

    validate ──> assign_ids ──> (stored as a document) ──> compile_flow ──> Action.step(StepContext) -> Outcome

What is not here: entering, advancing and delivering (`engine`), the checks before a send (`messages`).
"""

from headrace.flows.compiled import CompiledFlow, compile_flow
from headrace.flows.definition import Definition, trigger_type, validate
from headrace.flows.identity import as_creation, assign_ids
from headrace.flows.readiness import why_not_live

__all__ = [
    "CompiledFlow",
    "Definition",
    "as_creation",
    "assign_ids",
    "compile_flow",
    "trigger_type",
    "validate",
    "why_not_live",
]
