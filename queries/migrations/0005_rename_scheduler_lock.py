from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("queries", "0004_result_format_version"),
    ]

    operations = [
        migrations.RenameModel(old_name="PumpSlot", new_name="SchedulerLock"),
    ]
