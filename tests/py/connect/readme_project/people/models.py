# SPDX-License-Identifier: MIT
"""The README's user, with a field of its own."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset


class UserManager(BaseUserManager.from_queryset(KafkaConnectSkipQueryset)):  # type: ignore[misc]
    pass


class User(KafkaConnectSkipModel, PermissionsMixin, AbstractBaseUser):
    first_name = models.CharField(max_length=20, unique=True)

    objects = UserManager()

    USERNAME_FIELD = "first_name"
