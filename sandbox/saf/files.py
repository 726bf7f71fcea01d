"""Files of a result: JSON, CSV or XLSX, zipped if wanted, made beside the request and sent in pieces."""

from __future__ import annotations

import csv
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sandbox.engine import Row
from sandbox.saf.requests import FileRequest
from sandbox.saf.xlsx import Cell, write_workbook
from sandbox.web import Response

_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PIECE = 65_536
_ODD = re.compile(r"[^\w .()+,=@-]")
Rows = Callable[[], Iterable[Row]]


def file_response(asked: FileRequest, rows: Rows) -> Response:
    """The file as an attachment. ``rows`` gives the rows anew each time it is called."""
    name = f"{_ODD.sub('_', asked.name)}.{asked.kind}"
    shown = f"{name}.zip" if asked.zipped else name
    kind = "application/zip" if asked.zipped else _TYPES[asked.kind]
    disposition = f'attachment; filename="{shown.encode("ascii", "replace").decode().replace("?", "_")}"'
    return Response(
        200,
        _pieces(asked, name, rows),
        kind,
        (("Content-Disposition", disposition),),
        streamed=True,
    )


def _pieces(asked: FileRequest, name: str, rows: Rows) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="sandbox-file-") as folder:
        path = Path(folder) / "file"
        _WRITERS[asked.kind](path, rows)
        if asked.zipped:
            packed = Path(folder) / "zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(path, name)
            path = packed
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _write_json(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(rows()):
            file.write((",\n" if number else "\n") + row.user_data)
        file.write("\n]\n")


def _write_csv(path: Path, rows: Rows) -> None:
    columns = _columns(rows())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(_cells(columns, row) for row in rows())


def _write_xlsx(path: Path, rows: Rows) -> None:
    columns = _columns(rows())
    write_workbook(path, columns, (_cells(columns, row) for row in rows()))


def _columns(rows: Iterable[Row]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        found |= dict.fromkeys(_flat(msgspec.json.decode(row.user_data)))
    return list(found)


def _cells(columns: list[str], row: Row) -> list[Cell]:
    values = _flat(msgspec.json.decode(row.user_data))
    return [values.get(column) for column in columns]


def _flat(event: Mapping[str, Any], before: str = "") -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for name, value in event.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{name}.")
        else:
            plain = value is None or isinstance(value, str | int | float)
            found[before + name] = (
                value if plain else msgspec.json.encode(value).decode()
            )
    return found


_WRITERS: Mapping[str, Callable[[Path, Rows], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
}
