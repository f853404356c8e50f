"""``make oracle``: asks a real Networking server, and landbridge, and compares.

    python -m tests.contract.oracle [--record] [PATTERN]

It stands the reference up (`reference.py`, in the virtual environment that `scripts/oracle` makes)
and sends it the cases of `inventory_cases` whose names match. Its answers are compared with
those in ``inventory.json`` (`--record`: they are written there), and with landbridge's by the
table of differences. Exit code 1: one of the two differs. The reference takes its time: about
half a second for each request.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import httpx2
import structlog

from landbridge.store import migrations
from tests.api.harness import running_api
from tests.contract import comparing, page, recording
from tests.contract.inventory_cases import cases
from tests.contract.scenes import Asked, Reply, Scene

Body = dict[str, Any]

PYTHON: Final = Path(".oracle/bin/python")
ABOUT: Final = (
    "Answers of the reference (release 29.0.0 of neutron and neutron-vpnaas; SQLite, no agents, no "
    "mechanism drivers) to the requests of inventory_cases.py. Written by `make oracle`."
)
CALLERS: Final = {
    "admin": ("proj-admin", "admin,member,reader"),
    "a": ("proj-a", "member,reader"),
    "b": ("proj-b", "member,reader"),
    "ro": ("proj-a", "reader"),
}
LONGEST: Final = 120.0  # seconds that the reference may take for one request


def main() -> int:
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    chosen = [case for case in cases() if fnmatchcase(case["name"], options.pattern)]
    with tempfile.TemporaryDirectory() as folder, _reference(Path(folder)) as reference:
        answers = _played(reference, chosen)
        left = reference.left
    kept = recording.load() if recording.FILE.exists() else {}
    changed = [name for name, answer in answers.items() if kept.get(name) != answer]
    for name in changed:
        print("\n".join(_otherwise(name, kept.get(name), answers[name])))
    if options.record:
        names = [case["name"] for case in cases()]
        merged = kept | answers
        recording.save(ABOUT, {name: merged[name] for name in names if name in merged})
    differs = _of_landbridge(chosen, answers)
    stale = page.PAGE.read_text("utf-8") != page.page()
    print("\n".join([*differs, *(f"could not be taken away: {each}" for each in left)]))
    print(f"{len(chosen)} cases. The reference answers otherwise than recorded: {changed or 'no'}")
    print(f"landbridge differs without a line in the table: {len(differs)} answers")
    print(f"docs/differences.md is {'out of date' if stale else 'up to date'}")
    return int(bool(differs or left) or stale or (bool(changed) and not options.record))


def _otherwise(name: str, kept: Body | None, answer: Body) -> list[str]:
    """What the reference answers now, beside what was recorded."""
    if kept is None or kept["of"] != answer["of"]:
        return [f"{name}: not recorded"]
    pairs = enumerate(zip(kept["answers"], answer["answers"], strict=True))
    return [
        f"{name}/{number}: {found}\n    was {before}"
        for number, (before, found) in pairs
        if before != found
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make oracle", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep what the reference answers")
    parser.add_argument("pattern", nargs="?", default="*", help="of the names of cases")
    return parser.parse_args()


def _played(scene: Scene, chosen: list[Body]) -> dict[str, Body]:
    answers = {}
    for number, case in enumerate(chosen, 1):
        print(f"\r{number} of {len(chosen)}", end="", file=sys.stderr, flush=True)
        of = recording.digest(case["steps"])
        answers[case["name"]] = {"of": of, "answers": scene.play(case["steps"])}
    print(file=sys.stderr)
    return answers


def _of_landbridge(chosen: list[Body], answers: dict[str, Body]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/landbridge.db"
        migrations.upgrade(url)
        with running_api(url, Path(folder)) as api:
            scene = comparing.scene(api)
            return [
                what
                for case in chosen
                for what in comparing.discrepancies(
                    answers[case["name"]]["answers"], scene.play(case["steps"]), case["name"]
                )
            ]


@contextmanager
def _reference(folder: Path) -> Iterator[Scene]:
    """A real Networking server with the topology on it; gone afterwards."""
    command = [PYTHON, Path(__file__).with_name("reference.py"), folder]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of a set is in its messages
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        base = run.stdout.readline().strip()
        assert base, f"the reference did not start; see {folder}/networking.log"
        with httpx2.Client(base_url=base, timeout=LONGEST) as client:
            yield Scene(lambda asked: _ask(client, asked), base)
        run.stdin.close()


def _ask(client: httpx2.Client, asked: Asked) -> Reply:
    project, roles = CALLERS[asked.profile]
    caller = {"X-User-Id": f"u-{asked.profile}", "X-Project-Id": project, "X-Roles": roles}
    body = {} if asked.body is None else {"json": asked.body}
    answer = client.request(
        asked.method,
        asked.path,
        headers=caller | dict(asked.headers),
        params=tuple(asked.params),
        **body,
    )
    if not answer.content:
        return Reply(answer.status_code, None)
    try:
        return Reply(answer.status_code, answer.json())
    except ValueError:
        return Reply(answer.status_code, {"text": answer.text})


if __name__ == "__main__":
    sys.exit(main())
