"""Exports made before there were more choices keep what they were made with."""

from __future__ import annotations

from typing import Any

from django.db import migrations

OLD = ("sort", "q", "column", "original", "zip", "columns")


def choices_of(old: dict[str, Any]) -> dict[str, Any]:
    """The choices as `taking.ExportRequest.stored` gives them now."""
    sort, q = old.get("sort", ""), old.get("q", "")
    columns = list(old.get("columns") or ())
    return {name: value for name, value in old.items() if name not in OLD} | {
        "view": {
            "sorts": [sort] if sort else [],
            "q": q,
            "column": old.get("column", ""),
            "columns": columns,
        },
        "as_shown": bool(sort or q),
        "columns": "original" if old.get("original") else "shown" if columns else "all",
        "compression": "zip" if old.get("zip") else "",
        "exact": False,
    }


def respell(apps: Any, _: Any) -> None:
    exports = apps.get_model("queries", "Export").objects
    for export in exports.only("options"):
        if "zip" in export.options:
            export.options = choices_of(export.options)
            export.save(update_fields=["options"])


class Migration(migrations.Migration):
    dependencies = [
        ("queries", "0002_refine_and_layout"),
    ]

    operations = [
        migrations.RunPython(respell, migrations.RunPython.noop, elidable=True)
    ]
