"""Tests of the binding: every method and callable of django_kafka._native, on the embedded broker."""
