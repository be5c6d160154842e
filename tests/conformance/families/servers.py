"""GenServers: starts, calls, casts, continues, time-outs, ends (rules A34 to A39, A46 to A78)."""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, at

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
SERVER: Json = {"kind": "server"}
TRAPPING_SERVER: Json = {"kind": "server", "trap": True}

NO_SIGNAL = "a failed start_link is an exception only, and no exit signal comes on top (A49)"
NOT_CUT = "an init that runs isn't cut: its parent's end takes effect when it has returned (A53)"
CONSUMED = "the exit of a child that failed to start is taken out of its starter's mailbox (A50)"
DECLINES = "an init may return an error: the server ends normally, and its starter gets the reason (A48)"

INITS: dict[str, list[Op]] = {
    "is up": [["push", 1]],
    "ignores the start": [["ignore"]],
    "stops normally": [["stop", "normal"]],
    "stops with shutdown": [["stop", "shutdown"]],
    "stops with a reason of its own": [["stop", "boom"]],
    "exits normally": [["exit", "normal"]],
    "exits": [["exit", "boom"]],
    "raises": [["raise", "ouch"]],
    "returns what it can't": [["bad", "wat"]],
    "is killed": [["signal", "s", "kill"]],
    "declines with an error": [["error", "boom"]],
}

QUIET_INITS = {"is up", "ignores the start", "stops normally", "exits normally", "declines with an error"}
"""Those that hurt nobody over a link."""


def _starts() -> list[Scenario]:
    """Each way to start and not to start, with and without a link."""
    scenarios = []
    for what, init in INITS.items():
        server = {**SERVER, "init": init}
        newer = DECLINES if what == "declines with an error" else ""
        start = "start" if what in QUIET_INITS and not newer else "start_unseen"
        after = at("m", ["alive", "s"], ["alive", "p"])
        scenarios += [
            Scenario(
                f"an init that {what}, without a link",
                ("A46", "A47", "A48"),
                {"p": PROC, "m": PROC},
                [at("p", ["start", "s", server], ["note", "on"]), after],
                newer=newer,
            ),
            Scenario(
                f"an init that {what}, with a link",
                ("A46", "A47", "A48", "A49"),
                {"p": PROC, "m": PROC},
                [at("p", [start, "s", server, "link"], ["gate", "g"]), after],
                differs="" if what in QUIET_INITS else NO_SIGNAL,
                newer=newer,
            ),
            Scenario(
                f"an init that {what}, with a link to one that traps exits",
                ("A47", "A48", "A50"),
                {"p": TRAPPING, "m": PROC},
                [at("p", ["start", "s", server, "link"], ["note", "on"]), after],
                newer=newer or ("" if what in ("is up", "is killed") else CONSUMED),
            ),
        ]
    return scenarios


SCENARIOS = [*_starts()]
