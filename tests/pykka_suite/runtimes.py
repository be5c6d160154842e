"""What Pykka's tests run on here, in place of Pykka's ThreadingActor: appended to their conftest.py."""

import threading
import time

import pytest

from actors import Actor
from actors._future import Future

# The suite's own types; it is run from its own folder.
from tests.types import Runtime


class SharedActor(Actor):
    runs_on = "shared"
    crash_on_failed_ask = False


class ThreadActor(Actor):
    runs_on = "thread"
    crash_on_failed_ask = False


@pytest.fixture(scope="session", params=[SharedActor, ThreadActor], ids=["shared", "thread"])
def runtime(request):
    return Runtime(
        name=request.param.runs_on,
        actor_class=request.param,
        event_class=threading.Event,
        future_class=Future,
        sleep_func=time.sleep,
    )
