"""Whose turn it is: fairly, with nothing stale, and nothing left when it ends."""

import threading

import pytest

from xaisigns.live.turns import Turns


@pytest.fixture
def held():
    """Turns whose thread is busy until what is given is set."""
    release, started = threading.Event(), threading.Event()

    def wait():
        started.set()
        release.wait(10)

    with Turns() as turns:
        turns.put("first", wait)
        assert started.wait(10)
        yield turns, release
        release.set()


def done(turns):
    """Waits until all that waits now is done."""
    end = threading.Event()
    turns.put("end", end.set)
    assert end.wait(10)


def test_each_has_one_piece_waiting_and_all_take_turns(held):
    turns, release = held
    heard = []
    for piece in range(3):
        for client in "abc":
            turns.put(client, lambda client=client, piece=piece: heard.append((client, piece)))
    release.set()
    done(turns)
    assert heard == [("a", 2), ("b", 2), ("c", 2)]


def test_who_asks_again_comes_after_all_others(held):
    turns, release = held
    heard = []

    def greedy():
        heard.append("greedy")
        if len(heard) < 6:
            turns.put("greedy", greedy)

    turns.put("greedy", greedy)
    turns.put("modest", lambda: heard.append("modest"))
    release.set()
    done(turns)
    assert heard[:2] == ["greedy", "modest"]


def test_what_is_dropped_is_not_done(held):
    turns, release = held
    heard = []
    turns.put("a", lambda: heard.append("a"))
    turns.drop("a")
    turns.drop("nobody")
    release.set()
    done(turns)
    assert heard == []


def test_the_end_forgets_what_waits():
    heard = []
    with Turns() as turns:
        done(turns)
    turns.put("late", lambda: heard.append("late"))
    assert heard == []
    assert "xaisigns live" not in [thread.name for thread in threading.enumerate()]


def test_whoever_works_does_so_until_the_end():
    turns, heard = Turns(), []
    turns.put("a", lambda: heard.append(threading.current_thread()))
    turns.put("b", turns.end)
    turns.work()
    assert heard == [threading.current_thread()]
