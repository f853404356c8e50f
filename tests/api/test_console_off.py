"""The console as an operator switches it off."""

from __future__ import annotations

from pathlib import Path

from tests.api.harness import running_api


def test_switched_off_it_is_a_path_that_is_not_there(database_url: str, tmp_path: Path) -> None:
    with running_api(database_url, tmp_path, console={"enabled": "false"}) as api:
        for path in ("/console", "/console/", "/console/sign-in"):
            answer = api.request("GET", path, None)
            unknown = api.request("GET", path.replace("console", "nothing"), None)
            assert answer.status_code == unknown.status_code == 404
            assert answer.headers["content-type"] == unknown.headers["content-type"]
