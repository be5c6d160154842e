"""Crashes are what these are about; and who is paused while it logs would keep the lock of the log."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _unlogged():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
