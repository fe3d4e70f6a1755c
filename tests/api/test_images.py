"""Images over the API: uploading them, reading what is known of them, and their files."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from api_client import NEWEST, Api, FixedClock
from image_samples import Shop, data_uri, http_answer, picture

from headrace.api.app import create_app
from headrace.api.state import Services
from headrace.config import Config
from headrace.ids import SeededIds
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.images import free_name

LARGEST = 5 * 1024 * 1024


@pytest_asyncio.fixture
async def services(database_dsn: str, machine_clock: FixedClock, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of the application, with images in a folder of the test and from everywhere."""
    database = await Database.connect(database_dsn)
    config = Config(media_dir=tmp_path / "media", image_sources="any")
    made = Services.of(database, config, ids=SeededIds(7), system_clock=machine_clock)
    yield made
    await made.close()
    await database.close()


async def imported(api: Api, address: str, **attributes: Any) -> httpx.Response:
    """Upload an image from an address."""
    body = {"data": {"type": "image", "attributes": {"import_from_url": address, **attributes}}}
    return await api.post("/api/images", body)


async def uploaded(api: Api, content: bytes, name: str = "red.png", **fields: Any) -> httpx.Response:
    """Upload an image from a file."""
    return await api.send("POST", "/api/image-upload", files={"file": (name, content)}, data=fields)


async def served(api: Api, answer: httpx.Response, **headers: str) -> httpx.Response:
    """Fetch the file of an image without a key."""
    return await api.http.get(answer.json()["data"]["attributes"]["image_url"], headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status of a refused request and what it points at."""
    return answer.status_code, answer.json()["errors"][0].get("source")


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
async def test_an_uploaded_file_is_kept_and_served(api: Api, kind: str) -> None:
    """What is known of an image is what is in it, whatever its name says, and its file is public."""
    content = picture(kind)
    answer = await uploaded(api, content, "red.txt", hidden="true")
    resource = answer.json()["data"]
    address = resource["attributes"].pop("image_url")
    assert (201, {"name": "red.txt", "format": kind, "size": len(content), "hidden": True}) == (
        answer.status_code,
        {name: value for name, value in resource["attributes"].items() if name != "updated_at"},
    )
    assert address.startswith(f"http://headrace.test/media/{api.account.account_id}/")
    found = await api.http.get(address)
    assert (200, content, f"image/{kind}", "nosniff") == (
        found.status_code,
        found.content,
        found.headers["content-type"],
        found.headers["x-content-type-options"],
    )
    assert "immutable" in found.headers["cache-control"]


async def test_a_file_that_is_known_already_is_not_sent_again(api: Api) -> None:
    """The ETag is the content's own."""
    answer = await uploaded(api, picture())
    first = await served(api, answer)
    again = await served(api, answer, **{"If-None-Match": first.headers["etag"]})
    assert (304, b"") == (again.status_code, again.content)
    assert 200 == (await served(api, answer, **{"If-None-Match": '"other"'})).status_code


@pytest.mark.parametrize(
    "path",
    [
        "/media/{account}/nothing.png",
        "/media/{account}/" + "0" * 64 + ".png",
        "/media/{account}/..%2f..%2fsecret-key",
        "/media/..%2f{account}/x.png",
        "/media/%2e%2e/%2e%2e",
        "/media/{account}/",
    ],
)
async def test_nothing_but_images_is_served(api: Api, services: Services, path: str) -> None:
    """No name leads out of the folder, and names of no image are a 404."""
    await uploaded(api, picture())
    (services.media.path.parent / "secret-key").write_text("hush")
    answer = await api.http.get(path.format(account=api.account.account_id))
    assert 404 == answer.status_code
    assert "hush" not in answer.text


async def test_the_same_content_is_kept_once_and_drafts_do_not_stay(api: Api, services: Services) -> None:
    """Two images of the same content share a file; names that are taken get a number."""
    answers = [await uploaded(api, picture()), await uploaded(api, picture()), await uploaded(api, picture())]
    attributes = [one.json()["data"]["attributes"] for one in answers]
    assert ["red.png", "red (2).png", "red (3).png"] == [one["name"] for one in attributes]
    assert 1 == len({one["image_url"] for one in attributes})
    assert 1 == len([file for file in services.media.path.rglob("*") if file.is_file()])


def test_a_name_that_is_taken_gets_the_first_free_number() -> None:
    """The number stands in front of the ending."""
    assert ["a", "a (2)", "a (3).png", "b.png"] == [
        free_name("a", set()),
        free_name("a", {"a"}),
        free_name("a.png", {"a.png", "a (2).png"}),
        free_name("b.png", {"a.png"}),
    ]


async def test_an_image_comes_from_a_data_uri(api: Api) -> None:
    """Its name is the one given, or a plain one."""
    answers = [
        await imported(api, data_uri(picture()), name="Logo"),
        await imported(api, data_uri(picture("gif"), "png")),
    ]
    assert [("Logo", "png", False), ("image", "gif", False)] == [
        (one["name"], one["format"], one["hidden"])
        for one in (answer.json()["data"]["attributes"] for answer in answers)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        picture("bmp"),
        picture("jpeg", (40, 40))[:-30],
        picture("png", (40, 40))[:-30],
        b"x" * 1000,
    ],
)
async def test_what_is_no_image_is_refused(api: Api, services: Services, content: bytes) -> None:
    """Neither by file nor by data URI, and no file is left behind."""
    answers = [await uploaded(api, content), await imported(api, data_uri(content))]
    assert [(400, {"pointer": "/file"}), (400, {"pointer": "/data/attributes/import_from_url"})] == [
        refusal(one) for one in answers
    ]
    assert not services.media.path.exists()


async def test_an_image_with_too_many_pixels_is_refused(api: Api) -> None:
    """A small file that would unpack to very much is told by its head."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)

    head = chunk(b"IHDR", (20_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0]))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    answer = await uploaded(api, bomb)
    assert (400, {"pointer": "/file"}) == refusal(answer)


async def test_an_image_that_is_too_large_is_refused(api: Api) -> None:
    """By file it is a 413, as the body itself is; from an address a 400."""
    large = picture() + b"\0" * LARGEST
    assert 413 == (await uploaded(api, large)).status_code
    assert 413 == (await uploaded(api, large + b"\0" * LARGEST)).status_code
    assert 400 == (await imported(api, data_uri(large))).status_code


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"name": "x"}, "files": {"other": ("x.png", picture())}}, 400),
        ({"json": {"file": "x"}}, 415),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"data": {"hidden": "perhaps"}, "files": {"file": ("x.png", picture())}}, 400),
        ({"data": {"colour": "red"}, "files": {"file": ("x.png", picture())}}, 400),
        ({"data": {"file": "text"}, "files": {"other": ("x.png", b"")}}, 400),
        ({"files": [(f"f{number}", ("x", b"")) for number in range(30)]}, 400),
    ],
)
async def test_a_form_that_is_none_is_refused(api: Api, options: dict[str, Any], status: int) -> None:
    """A clear refusal, never a failure."""
    assert status == (await api.send("POST", "/api/image-upload", **options)).status_code


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.com/x.png",
        "file:///etc/passwd",
        "http://user:word@127.0.0.1/x.png",
        "//x",
        "data:image/png;base64",
        "data:image/png;base64,!!",
        "http://[::1",
        "x" * 3000,
    ],
)
async def test_an_address_that_cannot_be_asked_is_refused(api: Api, address: str) -> None:
    """With a pointer to it."""
    assert (400, {"pointer": "/data/attributes/import_from_url"}) == refusal(await imported(api, address))


async def test_an_image_comes_from_an_address(api: Api) -> None:
    """Its name is that of the file."""
    shop = Shop({"/logo.png": http_answer(picture())})
    answer = await imported(api, f"{await shop.start()}/logo.png")
    await shop.stop()
    assert ("logo.png", "png") == tuple(answer.json()["data"]["attributes"][one] for one in ("name", "format"))
    assert picture() == (await served(api, answer)).content


async def test_images_are_found_and_changed(api: Api) -> None:
    """By name, format, size, id, whether they are hidden and when they changed; in every order."""
    red = (await uploaded(api, picture(), "red.png")).json()["data"]["id"]
    blue = (await uploaded(api, picture("gif", (90, 90), "blue"), "blue.gif")).json()["data"]["id"]
    body = {"data": {"type": "image", "id": red, "attributes": {"name": "Crimson", "hidden": True}}}
    changed = (await api.patch(f"/api/images/{red}", body)).json()["data"]["attributes"]
    assert ("Crimson", True) == (changed["name"], changed["hidden"])
    filters = {
        f"equals(id,'{red}')": [red],
        f"any(id,['{red}','{blue}','9'])": [red, blue],
        "equals(hidden,true)": [red],
        "any(hidden,[false])": [blue],
        "equals(format,'gif')": [blue],
        "any(format,['png','gif'])": [red, blue],
        "starts-with(name,'Crim')": [red],
        "ends-with(name,'.gif')": [blue],
        "contains(name,'lue')": [blue],
        "any(name,['blue.gif'])": [blue],
        "less-than(size,1)": [],
        "greater-or-equal(size,1)": [red, blue],
        "greater-than(updated_at,2026-11-20T12:00:01Z)": [],
        "less-or-equal(updated_at,2026-11-20T12:00:00Z)": [red, blue],
    }
    found = {one: (await api.get("/api/images", params={"filter": one})).json()["data"] for one in filters}
    assert filters == {one: [row["id"] for row in rows] for one, rows in found.items()}
    orders = {"name": [red, blue], "-name": [blue, red], "-id": [blue, red], "format": [blue, red]}
    sorted_ = {one: (await api.get("/api/images", params={"sort": one})).json()["data"] for one in orders}
    assert orders == {one: [row["id"] for row in rows] for one, rows in sorted_.items()}


async def test_images_of_another_account_are_not_found(api: Api) -> None:
    """Neither to read nor to change; each account keeps files of its own."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['*'], other)}"}
    image_id = (await uploaded(api, picture())).json()["data"]["id"]
    body = {"data": {"type": "image", "id": image_id, "attributes": {"name": "Mine"}}}
    answers = [
        await api.get(f"/api/images/{image_id}", headers=headers),
        await api.patch(f"/api/images/{image_id}", body, headers=headers),
        await api.get("/api/images/abc"),
        await api.get("/api/images/99999999999999999999999"),
    ]
    assert [404] * 4 == [one.status_code for one in answers]
    assert [] == (await api.get("/api/images", headers=headers)).json()["data"]


async def test_keys_need_the_scope_of_images(api: Api) -> None:
    """Reading does not permit uploading."""
    headers = {"Authorization": f"Klaviyo-API-Key {await api.another_key(['images:read'])}", "revision": NEWEST}
    assert 200 == (await api.get("/api/images", headers=headers)).status_code
    answer = await api.send("POST", "/api/image-upload", files={"file": ("x.png", picture())}, headers=headers)
    assert 403 == answer.status_code


async def test_the_public_address_is_that_of_the_settings(database_dsn: str, tmp_path: Path, api: Api) -> None:
    """Mail programs reach images where the settings say, not where the uploader did."""
    services = api.services
    config = Config(media_dir=tmp_path, public_url="https://shop.example.com")
    elsewhere = Services.of(services.database, config, ids=services.ids, system_clock=services.system_clock)
    transport = httpx.ASGITransport(app=create_app(elsewhere))
    async with httpx.AsyncClient(transport=transport, base_url="http://headrace.test") as client:
        other = Api(client, elsewhere, api.account, api.key)
        answer = await uploaded(other, picture())
    assert answer.json()["data"]["attributes"]["image_url"].startswith("https://shop.example.com/media/")
    await elsewhere.close()
