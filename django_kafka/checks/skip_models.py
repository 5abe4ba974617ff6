# SPDX-License-Identifier: MIT
"""Models with `kafka_skip`, or with `kafka_version` too, whose managers do not write them."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db.models import QuerySet

from django_kafka.connect.flag import NAME
from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset
from django_kafka.connect.versioned import KafkaConnectVersionedQueryset
from django_kafka.connect.versions import VERSION, has_version

_HINT = "Make it with {0}: objects = YourManager.from_queryset({0})(). A queryset of your own derives from it."


@register(Tags.models, "django_kafka")
def check_skip_models(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Managers, that of related rows among them. Deletions have their flag whatever the manager is."""
    messages: list[CheckMessage] = []
    for app in apps.get_app_configs() if app_configs is None else app_configs:
        for model in app.get_models():
            if issubclass(model, KafkaConnectSkipModel):
                messages += _check(model)
    return messages


def _check(model: Any) -> list[CheckMessage]:
    default = model._default_manager.name
    cls = KafkaConnectVersionedQueryset if has_version(model) else KafkaConnectSkipQueryset
    fields = f"{NAME} and {VERSION}" if has_version(model) else NAME
    return [
        Warning(
            f"{model._meta.label}.{manager.name} writes rows without their {fields}: update(), bulk_create()"
            f"{', related managers' if manager.name == default else ''}. It has no {cls.__name__}.",
            hint=_HINT.format(cls.__name__),
            obj=model,
            id="django_kafka.W031",
        )
        for manager in model._meta.managers
        if not _makes(manager, cls)
    ]


def _makes(manager: Any, cls: type) -> bool:
    """What the manager makes, says so; a get_queryset() of the project's may need a request, or a tenant."""
    try:
        return isinstance(manager.get_queryset(), cls)
    except Exception:
        return issubclass(getattr(manager, "_queryset_class", QuerySet), cls)
