"""A shop: no order is lost, and no customer is served by two packers at once, whoever crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors import AlreadyRegistered, ChildSpec, Queue, Registry, Snooze, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervision import Child

ORDERS = Queue("orders")
CUSTOMERS = Registry("customers")


class Packer(Worker):
    """Packs one order after the other."""

    def __init__(self, send: Callable[[str, str], None]) -> None:
        super().__init__(ORDERS)
        self._send = send

    def handle_event(self, order: tuple[str, str]) -> None:
        customer, item = order
        try:
            # Released when this packer ends, however it does.
            CUSTOMERS.register(customer)
        except AlreadyRegistered:
            raise Snooze(1.0) from None
        self._send(customer, item)
        CUSTOMERS.unregister(customer)


def children(send: Callable[[str, str], None], packers: int = 2) -> list[Child]:
    """What a supervisor is to keep running."""
    return [CUSTOMERS, ORDERS, *(ChildSpec(Packer, (send,), id=number) for number in range(packers))]
