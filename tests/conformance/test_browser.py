"""A real browser runs the snippet of the guide on a page of another origin, where a browser is at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from sdk_bodies import data, ids_of, made_list
from served import Served

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "track-from-the-browser.md"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LONGEST = 60

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed on this machine")

TRIES = """
<script>
  (async () => {
    const told = {};
    const key = { Authorization: "Klaviyo-API-Key pk_nothing", revision: "2026-07-15" };
    const say = async (name, asked) => {
      try { const answer = await asked; told[name] = [answer.status, await answer.text()]; }
      catch (error) { told[name] = [0, error.name]; }
    };
    await say("track", track("Viewed Product", { name: "Rain jacket" }));
    await say("identify", identify({ email: "sarah@example.com", first_name: "Sarah" }));
    await say("subscribe", subscribe("LIST", "sarah@example.com"));
    await say("mistake", tell("events", { type: "event" }));
    await say("withKey", fetch(`${HEADRACE}/client/events?company_id=${COMPANY}`, { method: "POST", headers: key }));
    await say("api", fetch(`${HEADRACE}/api/profiles`, { headers: key }));
    await say("simple", fetch(`${HEADRACE}/api/profiles`));
    document.title = "done";
    document.body.textContent = JSON.stringify(told);
  })();
</script>
"""


@pytest.fixture
def shop() -> Iterator[tuple[str, dict[str, str]]]:
    """A shop on a port of its own: its address, and its page, to be filled in."""
    page: dict[str, str] = {}

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Show the page."""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page["html"].encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", page
    server.shutdown()
    server.server_close()


def guide(served: Served) -> str:
    """Return the guide's functions for a page of this installation's shop."""
    code = re.findall(r"```html\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]
    address = re.sub(r"http://127\.0\.0\.1:8027", served.url, code)
    assert address != code
    return address.replace("ABC123", served.account_id)


def seen(url: str, folder: Path) -> dict[str, list[Any]]:
    """Return what the page wrote once its scripts were through."""
    assert BROWSER is not None
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={folder}", "--virtual-time-budget=20000", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=True)
    body = re.search(r"<body>(.*)</body>", done.stdout, re.DOTALL)
    assert body is not None, done.stdout
    told: dict[str, list[Any]] = json.loads(body[1])
    return told


def test_a_browser_tells_of_its_visitor(
    served: Served, klaviyo: KlaviyoAPI, shop: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    """From another origin: what is in order is stored, a mistake can be read, and `/api` stays closed."""
    url, page = shop
    list_id = made_list(klaviyo, "News")
    page["html"] = f"<body>{guide(served)}{TRIES.replace('LIST', list_id)}</body>"
    told = seen(f"{url}?utm_source=x", tmp_path / "browser")
    assert [[202, ""]] * 3 == [told[name] for name in ("track", "identify", "subscribe")]
    assert 400 == told["mistake"][0]
    assert "/data/attributes" in told["mistake"][1]
    assert [[0, "TypeError"]] * 3 == [told[name] for name in ("withKey", "api", "simple")]
    [sarah] = data(klaviyo.Profiles.get_profiles(filter="equals(email,'sarah@example.com')"))
    assert "Sarah" == sarah["attributes"]["first_name"]
    assert 1 == len(ids_of(klaviyo.Events.get_events(filter=f"equals(profile_id,'{sarah['id']}')")))
