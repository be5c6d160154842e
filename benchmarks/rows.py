"""The rows of the table: how big each is, who takes part, and what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.cases import CASES


@dataclass(frozen=True)
class Floor:
    """What `side` of a row must reach: so many times the figure of `rival`, or so much when there is none."""

    at_least: float
    rival: str | None = None
    side: str = "shared"


THREADS_NOT_SLOWER = Floor(1, "pykka", side="thread")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `sides` are compared, the first is ours; `unit` is what the figure counts, and `less_is_better` of what.
    """

    name: str
    unit: str
    size: int
    smoke_size: int
    sides: tuple[str, ...] = ("shared",)
    floors: tuple[Floor, ...] = ()
    less_is_better: bool = False
    rounds: int = 5
    in_smoke: bool = True


PEER_ROWS = (
    "tell, from outside",
    "tell, actor to actor",
    "ask, between actors",
    "ask, from outside",
    "start and stop",
)
"""What is measured on other Python libraries as well."""

AHEAD_ROWS = ("tell, from outside", "ask, between actors")
"""Where ours is to be ahead of all of them."""

ROWS = [
    Row(
        "tell, from outside",
        "messages/s",
        200_000,
        20_000,
        ("shared", "pykka", "elixir", "thread"),
        (Floor(3.5, "pykka"), THREADS_NOT_SLOWER),
    ),
    Row(
        "tell, actor to actor",
        "messages/s",
        200_000,
        20_000,
        ("shared", "pykka", "elixir", "thread"),
        (Floor(4, "pykka"), THREADS_NOT_SLOWER),
    ),
    Row(
        "ask, between actors",
        "asks/s",
        30_000,
        2_000,
        ("shared", "pykka", "elixir", "thread"),
        (Floor(8, "pykka"), Floor(1 / 2.5, "elixir"), THREADS_NOT_SLOWER),
    ),
    Row(
        "ask, from outside",
        "asks/s",
        20_000,
        2_000,
        ("shared", "pykka", "elixir", "thread"),
        (Floor(1.3, "pykka"), THREADS_NOT_SLOWER),
    ),
    Row(
        "start and stop",
        "lives/s",
        8_000,
        4_000,
        ("shared", "pykka", "thread"),
        (Floor(40, "pykka"), THREADS_NOT_SLOWER),
    ),
    Row("start under a supervisor", "starts/s", 20_000, 2_000, ("shared", "elixir"), (Floor(50_000),)),
    Row("an idle actor", "bytes", 100_000, 20_000, floors=(Floor(1_300),), less_is_better=True, rounds=3),
    Row("an idle GenServer", "bytes", 100_000, 10_000, floors=(Floor(2_200),), less_is_better=True, rounds=3),
    Row(
        "a million live actors",
        "s",
        1_000_000,
        0,
        floors=(Floor(20),),
        less_is_better=True,
        rounds=1,
        in_smoke=False,
    ),
    Row(
        "10,000 idle actors", "wake-ups and CPU ticks in 10 s", 10, 1, floors=(Floor(0),), less_is_better=True, rounds=1
    ),
    Row(
        "light actors beside 200 blocking ones",
        "ms, 99th percentile",
        4,
        1,
        floors=(Floor(50),),
        less_is_better=True,
        rounds=3,
    ),
    Row("10,000 async handlers", "s", 10_000, 1_000, floors=(Floor(1),), less_is_better=True, rounds=3),
    *(
        Row(case.name, "operations/s", case.operations, case.operations // 100, ("shared", case.rival), rounds=3)
        for case in CASES
    ),
]
