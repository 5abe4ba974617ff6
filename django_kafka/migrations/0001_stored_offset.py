# SPDX-License-Identifier: MIT
from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Has a name that no migration of the original has: a database that knows those gets this one as well."""

    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="StoredOffset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("group", models.CharField(max_length=255)),
                ("topic", models.CharField(max_length=249)),
                ("partition", models.IntegerField()),
                ("offset", models.BigIntegerField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="storedoffset",
            constraint=models.UniqueConstraint(
                fields=("group", "topic", "partition"), name="django_kafka_storedoffset_place"
            ),
        ),
    )
