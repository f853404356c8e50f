"""Names of peers: which address is chosen, what the hosts file says, when DNS is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from landbridge.agent.dns import addressbook
from landbridge.agent.dns.addressbook import AddressBook, Place, choose, possible
from landbridge.agent.dns.resolver import Answer, NotResolvable, in_hosts
from tests.unit.agent.tunnels import tunnel

HOSTS = """\
127.0.0.1 localhost
198.51.100.7  vpn.example.com  vpn # the office
2001:db8::7 vpn.example.com
not-an-address vpn.example.com
198.51.100.8 VPN.example.com
"""


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        ("vpn.example.com", 4, ("198.51.100.7", "198.51.100.8")),
        ("vpn.example.com.", 6, ("2001:db8::7",)),
        ("vpn", 4, ("198.51.100.7",)),
        ("the", 4, ()),
        ("example.com", 4, ()),
    ],
)
def test_in_hosts(name: str, version: int, found: tuple[str, ...]) -> None:
    assert in_hosts(HOSTS, name, version) == found


@pytest.mark.parametrize(
    ("present", "known", "turn", "chosen"),
    [
        (None, (), False, None),
        (None, ("b", "a"), False, "b"),
        ("a", (), False, "a"),
        ("a", ("b", "a"), False, "a"),
        ("a", ("b", "c"), False, "b"),
        ("a", ("b", "a"), True, "b"),
        ("b", ("b", "a"), True, "a"),
        ("a", ("a",), True, "a"),
    ],
)
def test_choose(present: str | None, known: tuple[str, ...], turn: bool, chosen: str) -> None:
    assert choose(present, known, turn=turn) == chosen


def test_addresses_where_no_peer_can_be_are_left_out() -> None:
    found = Answer(addresses=("127.0.1.1", "198.51.100.7", "::1"), ttl=5.0)
    assert possible(found) == Answer(addresses=("198.51.100.7",), ttl=5.0)
    with pytest.raises(NotResolvable, match=r"127\.0\.1\.1, a loopback address"):
        possible(Answer(addresses=("127.0.1.1", "0.0.0.0"), ttl=5.0))


def test_a_name_that_leads_to_this_host_alone_is_told_and_the_last_address_kept() -> None:
    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        dns.says = Answer(addresses=("127.0.0.1",), ttl=5.0)
        assert book.place("t", NAMED) == Place(address=None)
        await until(lambda: moved == ["t"])
        place = book.place("t", NAMED)
        assert place.address is None
        assert "127.0.0.1" in place.failure

    with_book(body)


class Dns:
    """Answers what it is told to; notes when it is asked."""

    def __init__(self) -> None:
        self.says: Answer | NotResolvable = NotResolvable("no such name")
        self.asked = 0

    async def __call__(self, name: str, version: int) -> Answer:
        self.asked += 1
        if isinstance(self.says, NotResolvable):
            raise self.says
        return self.says


def with_book(body: Callable[[AddressBook, Dns, list[str]], Awaitable[None]]) -> None:
    async def run() -> None:
        moved: list[str] = []
        dns = Dns()
        book = AddressBook(moved.append, dns)
        task = asyncio.create_task(book.run())
        try:
            async with asyncio.timeout(10):
                await body(book, dns, moved)
        finally:
            task.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


NAMED = tunnel(peer_address="VPN.example.com.")


def test_an_address_is_its_own_place() -> None:
    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        assert book.place("t", tunnel(peer_address="198.51.100.2")) == Place(address="198.51.100.2")
        assert (dns.asked, moved) == (0, [])

    with_book(body)


def test_a_name_is_told_when_known_and_the_last_address_kept() -> None:
    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        dns.says = Answer(addresses=("198.51.100.2",), ttl=0.01)
        assert book.place("t", NAMED) == Place(address=None)
        await until(lambda: moved == ["t"])
        assert book.place("t", NAMED) == Place(address="198.51.100.2")
        dns.says = NotResolvable("no such name")
        await until(lambda: len(moved) == 2)
        assert book.place("t", NAMED) == Place(address="198.51.100.2", failure="no such name")
        assert book.place("u", NAMED) == book.place("t", NAMED)  # known already

    with_book(body)


def test_doubt_asks_at_once_but_not_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addressbook, "SPACING", 0.2)

    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        dns.says = Answer(addresses=("198.51.100.2",), ttl=3600)
        book.place("t", NAMED)
        await until(lambda: moved == ["t"])
        await asyncio.sleep(addressbook.SPACING)
        for _ in range(50):
            book.doubt("t", down=True)
            await asyncio.sleep(0.005)
        assert 2 <= dns.asked <= 4
        assert moved == ["t"]

    with_book(body)


def test_one_that_is_down_turns_to_the_next_address_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addressbook, "TURN", 0.0)

    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        dns.says = Answer(addresses=("198.51.100.3", "198.51.100.2"), ttl=3600)
        book.place("down", NAMED)
        book.place("up", NAMED)
        await until(lambda: set(moved) == {"down", "up"})
        book.doubt("up", down=False)
        book.doubt("down", down=True)
        assert book.place("down", NAMED).address == "198.51.100.2"
        assert book.place("up", NAMED).address == "198.51.100.3"

    with_book(body)


def test_nobody_is_asked_for_a_name_that_no_tunnel_has_any_more() -> None:
    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        dns.says = Answer(addresses=("198.51.100.2",), ttl=0.01)
        book.place("t", NAMED)
        await until(lambda: dns.asked > 1)
        book.place("t", None)
        await asyncio.sleep(0.02)
        asked = dns.asked
        await asyncio.sleep(0.05)
        assert dns.asked == asked

    with_book(body)


def test_what_an_sa_tells_counts_until_the_name_is_known() -> None:
    async def body(book: AddressBook, dns: Dns, moved: list[str]) -> None:
        book.place("t", NAMED)
        book.assume("t", "198.51.100.9")
        book.assume("t", "198.51.100.8")
        assert moved == ["t"]
        assert book.place("t", NAMED).address == "198.51.100.9"

    with_book(body)
