"""The `openstack` program, many times in one process: its start-up costs two seconds.

Reads a JSON list of words a line, runs them as ``openstack WORDS...`` does (the same shell
class that the program's entry point runs), and answers a JSON line: exit code, stdout, stderr.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys

from openstackclient.shell import OpenStackShell


def run(words: list[str]) -> dict[str, object]:
    out, err = io.StringIO(), io.StringIO()
    logging.getLogger().handlers.clear()  # each run adds one that writes to its own stderr
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = OpenStackShell().run(words)
        except SystemExit as ended:  # the option parser's way to refuse
            code = int(ended.code or 0)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def main() -> None:
    answers = sys.stdout
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
