"""Who may read and who may write: other sites, other names for this machine, pages of an earlier start."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.studio.ui.conftest import BASE, TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860"])
def test_the_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/gimbal/api/start", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:7860", "192.168.1.9:7860", "", "["])
@pytest.mark.parametrize("path", ["/", "/gimbal/api/start", "/config", "/gimbal/static/main.js"])
def test_any_other_name_is_refused_everywhere(client: TestClient, host: str, path: str) -> None:
    assert client.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"x-gimbal-token": ""},
        {"x-gimbal-token": "of an earlier start"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/gimbal/api/projects", "/gimbal/api/queue", "/gradio_api/run/predict"])
def test_a_write_from_elsewhere_is_refused(client: TestClient, headers: dict[str, str], path: str) -> None:
    answer = client.post(path, json={"name": "x", "paused": True}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"].endswith(".") or "Reload" in answer.json()["error"]["message"]


def test_the_page_gives_its_token_as_a_cookie_that_other_sites_cannot_send(client: TestClient) -> None:
    cookie = client.get("/").headers["set-cookie"]
    assert cookie.startswith("gimbal-7860=") and TOKEN in cookie
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    del client.headers["x-gimbal-token"]
    answer = client.post("/gimbal/api/projects", json={"name": "By cookie"}, headers={"origin": BASE})
    assert answer.json()["name"] == "By cookie"


def test_the_page_may_fetch_nothing_from_other_hosts(client: TestClient) -> None:
    page = client.get("/")
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    for foreign in ('href="https://fonts', 'src="https://', "cdnjs"):
        assert foreign not in page.text


def test_gradios_own_pages_about_its_events_are_closed(client: TestClient) -> None:
    assert client.get("/docs").status_code != 200 or "swagger" not in client.get("/docs").text.lower()
    described = client.get("/gradio_api/info").json()
    assert described["named_endpoints"] == {} and described["unnamed_endpoints"] == {}


@pytest.mark.parametrize("path", ["pyproject.toml", "/etc/hostname", "studio/settings.py", "..%2F..%2Fetc%2Fhostname"])
def test_no_file_of_the_machine_can_be_read_by_its_path(client: TestClient, path: str) -> None:
    for route in ("/gradio_api/file=", "/gimbal/static/", "/gimbal/media/clips/"):
        assert client.get(route + path).status_code in (403, 404)
