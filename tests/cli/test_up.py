"""`headrace up`, as a real process: everything in one command, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from held_answers import hold

EVENT = {
    "metric": {"data": {"type": "metric", "attributes": {"name": "Added to Cart"}}},
    "profile": {"data": {"type": "profile", "attributes": {"email": "ann@example.com"}}},
    "properties": {"ProductName": "Mug"},
}
EXAMPLE = Path(__file__).parents[2] / "examples" / "abandoned-cart.json"


class Up:
    """A running `headrace up` over a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.environment = {**os.environ, "HEADRACE_DATA_DIR": str(data_dir), "HEADRACE_DATABASE_URL": ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headrace", "up", "--port", "0"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.address = line.split()[3].rstrip(";")
        until(lambda: self.answers())

    def answers(self) -> bool:
        """Whether the API is ready."""
        try:
            return httpx.get(f"{self.address}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def run(self, *arguments: str) -> Any:
        """Run another command beside it and return the JSON that it prints."""
        command = [sys.executable, "-m", "headrace", *arguments, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def children(self) -> list[int]:
        """Return the process numbers of the API and the worker."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(one) for one in listed.split()]


@contextmanager
def running(data_dir: Path) -> Iterator[Up]:
    """Run `headrace up` for as long as the block lasts; it must then stop by itself and in order."""
    up = Up(data_dir)
    try:
        yield up
    finally:
        up.process.terminate()
        code = up.process.wait(timeout=60)
    assert code == 0


def until(condition: Callable[[], object], limit: float = 60.0) -> None:
    """Wait for something that other processes do."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def test_an_event_posted_to_a_new_installation_starts_a_flow(data_dir: Path) -> None:
    """One command, an account, a key and a flow later, an event has its run, and survives kill -9 of everything."""
    with running(data_dir) as up:
        account = up.run("account", "create", "Shop")["account_id"]
        key = up.run("key", "create", "--scopes", "full", "--account", account)["key"]
        flow = up.run("import", str(EXAMPLE), "--create-missing", "--status", "live")["flow_id"]
        headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2026-07-15"}
        client = httpx.Client(base_url=up.address, headers=headers, event_hooks={"response": [hold]})
        posted = client.post("/api/events", json={"data": {"type": "event", "attributes": EVENT}})
        assert (posted.status_code, posted.content) == (202, b"")
        [event] = client.get("/api/events").json()["data"]
        assert client.get(f"/api/flows/{flow}").json()["data"]["attributes"]["status"] == "live"

        for number in up.children():
            os.kill(number, signal.SIGKILL)
        until(up.answers)
        assert [one["id"] for one in client.get("/api/events").json()["data"]] == [event["id"]]


def one_letter(account: str, template: str, metric: str) -> dict[str, Any]:
    """Return the body that creates a flow of one e-mail, which `account` sends at once."""
    sender = {"from_email": "shop@example.com", "from_label": account, "subject_line": "Hello", "preview_text": ""}
    message = {**sender, "template_id": template, "name": "Hello", "smart_sending_enabled": False}
    data = {"message": message, "status": "live"}
    action = {"temporary_id": "1", "type": "send-email", "links": {"next": None}, "data": data}
    trigger = {"type": "metric", "id": metric, "trigger_filter": None}
    definition = {"triggers": [trigger], "profile_filter": None, "entry_action_id": "1", "actions": [action]}
    return {"data": {"type": "flow", "attributes": {"name": "Hello", "definition": definition}}}


def test_links_in_messages_lead_to_the_port_that_is_served(data_dir: Path) -> None:
    """`up --port` tells its workers where the API is reached; the settings alone would not."""
    with running(data_dir) as up:
        account = up.run("account", "create", "Shop")["account_id"]
        key = up.run("key", "create", "--scopes", "full")["key"]
        made = {one["kind"]: one["id"] for one in up.run("import", str(EXAMPLE), "--create-missing")["made"][::-1]}
        headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2026-07-15"}
        client = httpx.Client(base_url=up.address, headers=headers, event_hooks={"response": [hold]})
        flow = client.post("/api/flows", json=one_letter(account, made["template"], made["metric"])).json()["data"][
            "id"
        ]
        live = {"data": {"type": "flow", "id": flow, "attributes": {"status": "live"}}}
        assert client.patch(f"/api/flows/{flow}", json=live).status_code == 200
        client.post("/api/events", json={"data": {"type": "event", "attributes": EVENT}})
        until(lambda: client.get("/headrace/messages").json()["data"])
        [message] = client.get("/headrace/messages").json()["data"]
        assert message["attributes"]["headers"]["List-Unsubscribe"].startswith(f"<{up.address}/t/u/")


def test_nothing_outlives_a_killed_supervisor(data_dir: Path) -> None:
    """kill -9 of `headrace up` ends its children, so that the next one finds the field clear."""
    up = Up(data_dir)
    children = up.children()
    up.process.kill()
    up.process.wait()
    until(lambda: not any(Path(f"/proc/{number}/cmdline").exists() and _alive(number) for number in children))
    with running(data_dir) as again:
        assert again.answers()


def _alive(number: int) -> bool:
    """Whether a process lives; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
