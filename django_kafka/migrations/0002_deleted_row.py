# SPDX-License-Identifier: MIT
from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Has a name that no migration of the original has."""

    dependencies = (("django_kafka", "0001_stored_offset"),)

    operations = (
        migrations.CreateModel(
            name="DeletedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=255)),
                ("key", models.CharField(max_length=255)),
                ("version", models.BigIntegerField()),
                ("deleted_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="deletedrow",
            constraint=models.UniqueConstraint(fields=("table", "key"), name="django_kafka_deletedrow_key"),
        ),
    )
