"""The `openstack` program as a service on a socket, for scripts that call it by its name.

``openstack_service.py SOCKET`` serves; with more words it is the program: it sends them and its
``OS_*`` variables there, and prints and ends as it is told. Its start-up costs two seconds, the
service's is paid once.
"""

from __future__ import annotations

import json
import os
import socket
import sys

_END = b"\n"


def serve(path: str) -> None:
    from tests.clients.openstack_driver import run

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            caller, _ = listening.accept()
            with caller, caller.makefile("rwb") as stream:
                asked = json.loads(stream.readline())
                for name in [name for name in os.environ if name.startswith("OS_")]:
                    del os.environ[name]
                os.environ.update(asked["environment"])
                stream.write(json.dumps(run(asked["words"])).encode() + _END)


def ask(path: str, words: list[str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name.startswith("OS_")}
    with socket.socket(socket.AF_UNIX) as service, service.makefile("rwb") as stream:
        service.connect(path)
        stream.write(json.dumps({"words": words, "environment": environment}).encode() + _END)
        stream.flush()
        told = json.loads(stream.readline())
    sys.stdout.write(told["out"])
    sys.stderr.write(told["err"])
    return int(told["code"])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1])
