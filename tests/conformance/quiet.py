"""Crashes are what scenarios are about, so nobody wants to read of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Have nobody read of them but the scenarios."""
    with ExitStack() as stack:
        for name in ("pykka", "pykka_otp", "asyncio"):
            stack.enter_context(_kept_in(logging.getLogger(name)))
        yield


@contextmanager
def _kept_in(logger: logging.Logger) -> Iterator[None]:
    nobody = logging.NullHandler()
    before = logger.propagate
    logger.propagate = False
    logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.removeHandler(nobody)
        logger.propagate = before
