# SPDX-License-Identifier: MIT
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("category", models.CharField(max_length=50)),
                ("cents", models.PositiveIntegerField()),
                ("stock", models.IntegerField()),
                ("listed", models.BooleanField()),
                ("note", models.TextField(null=True)),
                ("changed", models.DateTimeField()),
            ],
        ),
    ]
