"""How a gateway is asked about a connection, and how long its answer is waited for.

Rules this module keeps:
- A caller who may see the connection may ask; others get the answer for one that does not exist.
- A gateway that does not answer in time is None, and no error here.
"""

from __future__ import annotations

from time import monotonic

from landbridge.model.diagnosis import Diagnosis
from landbridge.store.database import Database
from landbridge.vpn.status import diagnostics


async def answer_to(db: Database, asked: str) -> Diagnosis | None:
    """The gateway's answer to the question `asked`, or None after the time limit."""
    deadline = monotonic() + diagnostics.PATIENCE
    with db.hub.listen(diagnostics.topic(asked)) as wake:
        while True:
            found = await db.read(diagnostics.answered, asked)
            left = deadline - monotonic()
            if found is not None or left <= 0:
                return found
            await wake.wait(left)
