# SPDX-License-Identifier: MIT
"""Projects that switch have nothing to migrate, whichever version of django-kafka their migrations were made with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from django.test import override_settings

import tests.django_project  # noqa: F401
from tests.synced.models import SkippingPart

# What makemigrations has written for a model with the field, with either version.
MIGRATION = """
from django.db import migrations, models

F = dict(default=False, help_text="Used by Kafka Connect to suppress event creation.\\nGets reset to False on "
            ".save() method call, unless explicitly set.", verbose_name="Kafka skip")

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="Old{model}",
            fields=[("id", models.AutoField(primary_key=True)), ("kafka_skip", models.BooleanField({editable}**F))],
            options={{"abstract": False, "base_manager_name": "objects"}},
        ),
        migrations.RenameModel("Old{model}", "{model}"),
        {more}
    ]
"""
ALTERED = """migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AlterField("{model}", "kafka_skip", models.BooleanField(editable=False, **F))]),"""


@pytest.fixture(params=["0.5", "3.1", "3.1 after 0.5"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / f"migrated_{request.param.replace('.', '').replace(' ', '')}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    text = MIGRATION.format(
        model="SkippingPart",
        editable="editable=False, " if request.param == "3.1" else "",
        more=ALTERED.format(model="SkippingPart") if "after" in request.param else "",
    )
    (folder / "0001_initial.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with override_settings(MIGRATION_MODULES={"synced": folder.name}):
        yield
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_there_is_nothing_to_migrate(migrated: None) -> None:
    old = MigrationLoader(None, ignore_no_migrations=True).project_state()
    before, after = old.models["synced", "skippingpart"], ModelState.from_model(SkippingPart)
    assert before.fields["kafka_skip"].deconstruct()[1:] == after.fields["kafka_skip"].deconstruct()[1:]
    assert (after.options, after.managers) == (before.options, before.managers)

    new = ProjectState.from_apps(apps)
    found = MigrationAutodetector(old, new)._detect_changes().get("synced", [])
    told = [operation.describe() for migration in found for operation in migration.operations]
    assert not [text for text in told if "kafka_skip" in text], told


def test_a_new_model_has_the_field_of_later_versions(tmp_path: Path) -> None:
    flag = ModelState.from_model(SkippingPart).fields["kafka_skip"]
    _, path, args, options = flag.deconstruct()
    assert (path, args, options["editable"], options["default"]) == (
        "django.db.models.BooleanField",
        [],
        False,
        False,
    )
    assert flag.clone().deconstruct()[1:] == flag.deconstruct()[1:]
