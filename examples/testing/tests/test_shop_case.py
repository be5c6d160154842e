"""The same with unittest."""

import unittest

from shop import ORDERS, Packer, children

from actors.testing import SimulatedTestCase
from supervision.testing import start_supervised


class TestShop(SimulatedTestCase):
    def setUp(self):
        super().setUp()
        self.sent = []
        for child in children(lambda *order: self.sent.append(order)):
            start_supervised(child)

    def test_orders_are_sent(self):
        ORDERS.put(("ann", "tea"))

        self.system.run_until(lambda: self.sent == [("ann", "tea")])

    def test_an_order_whose_packer_crashes_is_packed_by_another(self):
        crash = self.system.crash(Packer, OSError("the scales are broken"))

        ORDERS.put(("ann", "tea"))

        self.system.run_until(lambda: self.sent == [("ann", "tea")])
        self.assertEqual(crash.fired, 1)


if __name__ == "__main__":
    unittest.main()
