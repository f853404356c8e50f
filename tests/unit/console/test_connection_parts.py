"""What a connection's page is made of: rates, losses, the drawing, amounts, two edits at once."""

from __future__ import annotations

from typing import Any

import pytest

from landbridge.console import amounts, conflicts, drawing, traffic
from landbridge.console.drawing import Child, Node, Scene
from landbridge.console.fields import Field, Form, Option
from landbridge.console.sections import CONNECTIONS


def _series(at: list[float], sums: list[int], lost: list[int] | None = None) -> dict[str, Any]:
    names = ("bytes_in", "packets_in", "bytes_out", "packets_out")
    return {"at": at, "lost_in": lost or [], **dict.fromkeys(names, sums)}


def test_rates_are_of_sums_and_leave_gaps() -> None:
    plot = traffic.plot(_series([0, 10, 20, 200, 210], [0, 100, 100, 900, 800]))
    assert plot.inward == [80, 0, None, None]
    assert plot.lost is None
    assert traffic.plot(_series([], [])).at == []
    assert traffic.plot(_series([5], [9])).inward == []
    assert traffic.now([None, 3.0, None, 5.0]) == 4.0
    assert traffic.now([]) == 0.0


def test_losses_of_an_update_are_counted_from_the_sample_before_it() -> None:
    told = _series([0, 10, 20, 30], [0, 5, 9, 20], [0, 0, 2, 3])
    sums = traffic.since(told, 12)
    assert sums is not None
    assert (sums.lost, sums.packets_in, sums.until) == (3, 15, 30)
    assert traffic.since(_series([], []), 12) is None
    none_told = traffic.since(_series([0, 10], [0, 4]), 3)
    assert none_told is not None
    assert none_told.lost is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0 s"), (59.9, "59 s"), (7380, "2 h 3 min"), (86400, "1 d"), (-3, "0 s")],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert amounts.span(seconds) == text


def test_amounts() -> None:
    assert [amounts.size(each) for each in (0, 999, 1200, 123_456_789)] == [
        "0 B", "999 B", "1.2 kB", "123 MB",
    ]  # fmt: skip
    assert amounts.rate(1_500_000) == "1.5 Mbit/s"
    assert [amounts.count(each, "packet") for each in (0, 1, 1204)] == [
        "0 packets", "1 packet", "1,204 packets",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [1, 3, 40])
def test_a_drawing_keeps_inside_its_frame(number: int) -> None:
    nets = tuple(f"10.{each}.0.0/16" for each in range(number))
    children = tuple(
        Child(("10.0.0.0/8",), (net,), "up" if place % 2 else "missing")
        for place, net in enumerate(nets)
    )
    node = Node("a long name " * 20, nets)
    every = (*children, Child(nets, nets, "up"))
    scene = Scene(
        hosts=node, router=node, peer=node, remotes=node, children=every,
        nat_here=True, nat_there=True,
    )  # fmt: skip
    for picture in drawing.pictures(scene):
        pipes = [box for box in picture.boxes if box.kind.startswith("pipe")]
        assert len(pipes) == min(number + 1, drawing.MOST_PIPES)
        assert pipes[0].kind == "pipe missing"
        assert [box.kind for box in picture.boxes].count("nat") == 2
        for box in picture.boxes:
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= picture.width
            assert box.y + box.height <= picture.height
            for text in box.texts:
                assert box.y < text.y < box.y + box.height
                assert len(text.text) * 5 < box.width


def _form(**values: str) -> Form:
    fields = [Field(name=name, title=name, about="", widget="text", value=value)
              for name, value in values.items()]  # fmt: skip
    return Form(section=CONNECTIONS, fields=tuple(fields), revision=1)


def test_of_two_edits_each_keeps_what_only_it_changed() -> None:
    was = _form(mine="a", theirs="a", both="a", same="a", none="a")
    typed = _form(mine="b", theirs="a", both="b", same="b", none="a")
    now = _form(mine="a", theirs="c", both="c", same="b", none="a")
    form, found = conflicts.merged(typed, now, conflicts.recalled(conflicts.remembered(was)))
    assert {each.name: each.value for each in form.fields} == {
        "mine": "b", "theirs": "c", "both": "b", "same": "b", "none": "a",
    }  # fmt: skip
    told = [(each.title, each.typed, each.now, each.both) for each in found]
    assert told == [("theirs", "", "c", False), ("both", "b", "c", True)]


def test_values_are_told_as_the_form_shows_them_and_secrets_never() -> None:
    options = (Option("1", "one"), Option("2", "two"))
    choice = Field(name="c", title="c", about="", widget="choice", value="1", options=options)
    secret = Field(name="psk", title="psk", about="", widget="secret", value="x")
    was = Form(section=CONNECTIONS, fields=(choice, secret))
    assert "psk" not in conflicts.remembered(was)
    now = Form(section=CONNECTIONS, fields=(Field(name="c", title="c", about="", widget="choice",
                                                  value="2", options=options), secret))  # fmt: skip
    _, found = conflicts.merged(was, now, conflicts.recalled(conflicts.remembered(was)))
    assert [(each.was, each.now) for each in found] == [("one", "two")]
    assert conflicts.recalled("nonsense") == {}
