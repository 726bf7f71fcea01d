"""Named faults: what clients of Polytomic's query runner can meet, ready to be played."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.faults import Fault


def _on_submit(outcome: str, *, reason: str = "", seconds: float = 0.0) -> Fault:
    return Fault(
        kind="outcome",
        operation="polytomic-query",
        outcome=outcome,
        reason=reason,
        seconds=seconds,
    )


def _on_result(outcome: str, *, reason: str = "") -> Fault:
    return Fault(
        kind="outcome", operation="polytomic-result", outcome=outcome, reason=reason
    )


NAMED_FAULTS: Mapping[str, Fault] = {
    "polytomic-failed": _on_submit("failed", reason='relation "order" does not exist'),
    "polytomic-lost": _on_submit("unknown"),
    "polytomic-in-flight": _on_submit("in-flight"),
    "polytomic-slow-submit": _on_submit("slow", seconds=2.0),
    "polytomic-strange-state": _on_result("strange", reason="paused"),
    "polytomic-no-rows": _on_result("no-rows"),
    "polytomic-loop": _on_result("loop"),
    "polytomic-elsewhere": _on_result("elsewhere", reason="https://elsewhere.example"),
}
