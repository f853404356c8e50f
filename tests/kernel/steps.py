"""What is run in a guest, in this order.

Rules this module keeps:
- Every step starts in the root of a fresh clone, as root, and has a deadline, in seconds.
- The first is what a new user does, with nothing but the README's command.
- `short`: what also runs in every CI run, one of each kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: A guest without hardware support is slow. -v: a log tells where it is.
PYTEST: Final = "LANDBRIDGE_PATIENCE=6 .venv/bin/python -m pytest -v --tb=short"
GATEWAYS: Final = f"{PYTEST} -n 2 --dist loadfile --no-loadscope-reorder -m 'gateway and not soak'"
ENVIRONMENT: Final = ".venv/.test || make .venv/.test"  # a download may time out
MATRIX: Final = "updates.json"


@dataclass(frozen=True)
class Step:
    """`reboot`: the guest is started anew before it. `keeps`: files of the clone to copy out."""

    name: str
    command: str
    deadline: float
    short: str | None = None
    reboot: bool = False
    keeps: tuple[str, ...] = ()


def _one(*tests: str) -> str:
    return f"{PYTEST} -n 0 {' '.join(tests)}"


STEPS: Final = (
    Step("first run", "python3 tests/kernel/inside/first_run.py", 600, short="same"),
    Step(
        "test environment",
        f"make packages-test {ENVIRONMENT}",
        900,
        short=f"make {ENVIRONMENT}",
    ),
    Step(
        "lab and oracle",
        f"{GATEWAYS} tests/lab tests/oracle",
        1200,
        short=_one("tests/lab/test_lab.py", "tests/oracle/test_vici_charon.py"),
    ),
    Step(
        "gateway",
        f"{GATEWAYS} tests/gateway",
        5400,
        short=_one("tests/gateway/test_tunnel.py", "-k", "'v1 or v2'", "-x"),
    ),
    Step("faults", f"{GATEWAYS} tests/faults", 1800),
    Step(
        "update matrix",
        f".venv/bin/python -m bench updates --round-trip 0 --save {MATRIX}",
        3600,
        keeps=(MATRIX,),
    ),
    Step(
        "unit", _one("-m", "systemd", "tests/kernel/test_unit.py", "-k", "installed"), 600, "same"
    ),
    Step(
        "unit after a reboot",
        _one("-m", "systemd", "tests/kernel/test_unit.py", "-k", "rebooted"),
        300,
        "same",
        reboot=True,
    ),
)


def chosen(*, short: bool, names: tuple[str, ...]) -> list[Step]:
    """All steps, their short forms, or those named."""
    steps = [step for step in STEPS if not names or step.name in names]
    return [step for step in steps if step.short is not None] if short else steps
