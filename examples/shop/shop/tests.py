# SPDX-License-Identifier: MIT
"""Tests of the shop, with a real consumer on an embedded broker: `python manage.py test`."""

from django.test import TestCase

from django_kafka import kafka
from django_kafka.testing import kafka_broker, run_consumer_until
from shop.consumers import ShopConsumer
from shop.models import Customer, Order
from shop.topics import CustomerTopic, OrderTopic


class ShopTest(TestCase):
    def test_events_become_rows(self) -> None:
        order = Order(number=1, customer_id=7, product="lamp", cents=5900)
        with kafka_broker(topics={"customers": 2, "orders": 4}):
            CustomerTopic().publish(Customer(number=7, name="Ada", city="Wien"))
            OrderTopic().publish(order)
            order.paid = True
            OrderTopic().publish(order)
            kafka.producer.flush(10)
            run_consumer_until(ShopConsumer, lambda: Customer.objects.exists() and Order.objects.filter(paid=True))
        assert Order.objects.get().customer.name == "Ada"

    def test_what_is_published(self) -> None:
        with kafka_broker(topics=["customers"]) as broker:
            CustomerTopic().publish(Customer(number=7, name="Ada", city="Łódź"))
            kafka.producer.flush(10)
            (message,) = broker.collect("customers", 1)
        assert message.key() == b"7"
        assert message.value() == '{"number":7,"name":"Ada","city":"Łódź"}'.encode()
