"""A small DNS server of the tests' own, with real packets: answers, silence, refusals."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class DnsServer:
    """`records`: a name (no trailing dot) -> (its addresses, their TTL in seconds)."""

    address: str
    records: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    silent: bool = False
    failing: bool = False
    asked: list[str] = field(default_factory=list)

    def resolv_conf(self, directory: Path) -> Path:
        path = directory / "resolv.conf"
        path.write_text(f"nameserver {self.address}\n")
        return path

    def serve(self, channel: socket.socket) -> None:
        while True:
            try:
                packet, sender = channel.recvfrom(4096)
            except OSError:  # closed
                return
            if packet == b"end":
                return
            query = dns.message.from_wire(packet)
            self.asked.append(query.question[0].name.to_text(omit_final_dot=True))
            if not self.silent:
                channel.sendto(self._answer(query).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        question = query.question[0]
        if self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        found = self.records.get(question.name.to_text(omit_final_dot=True))
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply
        wanted = ":" if question.rdtype == dns.rdatatype.AAAA else "."
        addresses = [address for address in found[0] if wanted in address]
        if addresses:
            kind = dns.rdatatype.to_text(question.rdtype)
            reply.answer.append(
                dns.rrset.from_text(question.name, found[1], "IN", kind, *addresses)
            )
        return reply


@contextmanager
def dns_server() -> Iterator[DnsServer]:
    """On port 53 of a loopback address that nobody else has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        server = DnsServer(f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}.53")
        channel.bind((server.address, 53))
        thread = threading.Thread(target=server.serve, args=(channel,))
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"end", (server.address, 53))
            thread.join()
