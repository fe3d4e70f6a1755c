"""What the demo asks of the public API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from headrace.cli.demo.customers import Received
from headrace.cli.demo.shop import Shopper
from headrace.errors import CommandError

REVISION = "2026-07-15"
TOGETHER = 16
"""Requests under way at once."""


@dataclass(frozen=True, slots=True)
class Bought:
    """An event of the shop, ready to be posted."""

    metric: str
    shopper: Shopper
    at: datetime
    product: str
    value: Decimal
    unique_id: str


class Client:
    """A caller of the public API with a private key."""

    def __init__(self, base_url: str, key: str) -> None:
        headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": REVISION}
        limits = httpx.Limits(max_connections=TOGETHER, max_keepalive_connections=TOGETHER)
        self._http = httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits, timeout=30)
        self._gate = asyncio.Semaphore(TOGETHER)
        self._seen = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post_events(self, events: Sequence[Bought]) -> None:
        """Post events in one bulk request."""
        rows = [_bulk_row(event) for event in events]
        attributes = {"events-bulk-create": {"data": rows}}
        await self._send(
            "POST", "/api/event-bulk-create-jobs", {"type": "event-bulk-create-job", "attributes": attributes}
        )

    async def add_to_list(self, list_id: str, profile_ids: Sequence[str]) -> None:
        """Put people into a list, a thousand a request."""
        for start in range(0, len(profile_ids), 1000):
            data = [{"type": "profile", "id": one} for one in profile_ids[start : start + 1000]]
            await self._send("POST", f"/api/lists/{list_id}/relationships/profiles", data)

    async def go_live(self, flow_id: str) -> None:
        """Set a flow live."""
        await self._send(
            "PATCH", f"/api/flows/{flow_id}", {"type": "flow", "id": flow_id, "attributes": {"status": "live"}}
        )

    async def reach(self, url: str) -> None:
        """Fetch a pixel or follow a link as a mail program or browser does, redirects left alone."""
        async with self._gate:
            answer = await self._http.get(url, headers={"Authorization": "", "User-Agent": "Mozilla/5.0 (demo)"})
        if answer.status_code >= 400:
            raise CommandError(f"GET {url} answered {answer.status_code}: {answer.text[:200]}")

    async def unsubscribe(self, url: str) -> None:
        """Open the unsubscribe page and press its button."""
        answer = await self._http.post(url)
        if answer.status_code >= 400:
            raise CommandError(f"POST {url} answered {answer.status_code}: {answer.text[:200]}")

    async def new_messages(self) -> list[tuple[str, Received]]:
        """Return (profile id, message) for what the inbox got since the last call."""
        found: list[tuple[str, Received]] = []
        while True:
            query = {"filter": f"greater-than(number,{self._seen})", "sort": "number", "page[size]": "100"}
            rows = (await self._get("/headrace/messages", query))["data"]
            for row in rows:
                self._seen = row["attributes"]["number"]
                found.append(_received(row))
            if len(rows) < 100:
                return found

    async def report(self, conversion_metric_id: str, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
        """Return the rows of a flow-values report over a frame."""
        attributes = {
            "statistics": ["recipients", "delivered", "open_rate", "click_rate", "conversions", "conversion_value"],
            "timeframe": {"start": start.isoformat(), "end": end.isoformat()},
            "conversion_metric_id": conversion_metric_id,
            "group_by": ["flow_id", "flow_message_id", "flow_message_name", "send_channel"],
        }
        answer = await self._send(
            "POST", "/api/flow-values-reports", {"type": "flow-values-report", "attributes": attributes}
        )
        rows: list[Mapping[str, Any]] = answer["data"]["attributes"]["results"]
        return rows

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        return _checked(await self._http.get(path, params=query))

    async def _send(self, method: str, path: str, data: Any) -> Any:
        return _checked(await self._http.request(method, path, json={"data": data}))


def _checked(answer: httpx.Response) -> Any:
    if answer.status_code >= 400:
        raise CommandError(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


def _received(row: Mapping[str, Any]) -> tuple[str, Received]:
    attributes, relationships = row["attributes"], row["relationships"]
    message = Received(
        message_id=relationships["flow-message"]["data"]["id"],
        channel=attributes["channel"],
        sent_at=datetime.fromisoformat(attributes["sent_at"]),
        html=attributes["html"] or "",
        text=attributes["text"] or "",
    )
    return relationships["profile"]["data"]["id"], message


def _bulk_row(event: Bought) -> dict[str, Any]:
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": event.metric}}},
        "properties": {"ProductName": event.product, "Items": [{"name": event.product, "price": float(event.value)}]},
        "time": event.at.isoformat(),
        "value": float(event.value),
        "value_currency": "USD",
        "unique_id": event.unique_id,
    }
    profile = {"data": {"type": "profile", "attributes": {"email": event.shopper.email}}}
    events = {"data": [{"type": "event", "attributes": attributes}]}
    return {"type": "event-bulk-create", "attributes": {"profile": profile, "events": events}}
