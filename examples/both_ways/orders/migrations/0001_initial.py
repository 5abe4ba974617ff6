# SPDX-License-Identifier: MIT

from django.db import migrations, models

SKIP_HELP = (
    "Used by Kafka Connect to suppress event creation.\n"
    "Gets reset to False on .save() method call, unless explicitly set."
)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "kafka_skip",
                    models.BooleanField(
                        default=False, editable=False, help_text=SKIP_HELP, verbose_name="Kafka skip"
                    ),
                ),
                (
                    "kafka_version",
                    models.BigIntegerField(default=0, editable=False, verbose_name="Kafka version"),
                ),
                ("number", models.UUIDField(primary_key=True, serialize=False)),
                ("product", models.CharField(max_length=100)),
                ("pieces", models.PositiveIntegerField(default=1)),
                ("note", models.CharField(default="", max_length=100)),
            ],
            options={"abstract": False, "base_manager_name": "objects"},
        ),
        # So that the event of a deletion has the whole row: whose it was, and its version.
        migrations.RunSQL(
            "ALTER TABLE orders_order REPLICA IDENTITY FULL",
            "ALTER TABLE orders_order REPLICA IDENTITY DEFAULT",
        ),
    ]
