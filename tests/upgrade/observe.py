"""What the present code shows of an installation, as one line of JSON. A process of its own with its own settings.

Pages are read as their users, over HTTP. Only what must outlive a release is in the answer: rows, originals, files, keys
and texts, not the markup around them. A page that cannot be read is in `problems`.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["QUERYDECK_ALLOWED_HOSTS"] = "testserver"
django.setup()

from django.conf import global_settings, settings
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from queries.models import Connection, Export, Run, SavedQuery, Team, User
from tests.upgrade.release import PASSWORD

PAGES = ("run_new", "run_list", "saved_query_list", "export_list", "connection_list", "team_list", "account")  # fmt: skip
ROW_PAGES = 7  # of a run's row panels, spread over its rows
CELLS = 12  # of the first row, which must be on the first page
WORDS = re.compile(r"[A-Za-z][A-Za-z ]{2,38}[A-Za-z]")


class Reader:
    """The pages as their users see them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._clients: dict[int, Client] = {}

    def client(self, user: User) -> Client:
        """A browser in which `user` is signed in."""
        if user.pk not in self._clients:
            self._clients[user.pk] = Client()
            self._clients[user.pk].force_login(user)
        return self._clients[user.pk]

    def page(self, user: User, address: str, **query: Any) -> str:
        """The text of a page; "" with an entry in `problems` when it is not one."""
        answer = self.client(user).get(address, query, follow=True)
        if answer.status_code != 200:
            self.problems.append(f"{address} {query}: status {answer.status_code}")
            return ""
        return answer.content.decode()

    def must_hold(self, page: str, where: str, texts: Iterable[str]) -> None:
        """Note each text that is not on a page."""
        shown = html.unescape(page)
        self.problems += [f"{where} lacks {text!r}" for text in texts if text not in shown]  # fmt: skip

    def stream(self, run: Run, **choices: str) -> bytes:
        """All rows of a run, as its owner downloads them."""
        address = reverse("run_download", args=[run.pk])
        answer = self.client(run.owner).post(address, choices)
        if not answer.streaming:
            self.problems.append(f"{address} {choices}: status {answer.status_code}")
            return b""
        body = b"".join(answer.streaming_content)
        answer.close()
        return body


def sha256(data: bytes) -> str:
    """The digest as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def stored(value: Any) -> Any:
    """A value of the database as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value


def fields_of(row: Any, *names: str) -> dict[str, Any]:
    """The named fields."""
    return {name: stored(getattr(row, name)) for name in names}


def users() -> Iterator[tuple[str, Any]]:
    """Each user by address."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    for user in User.objects.order_by("email"):
        signs_in = authenticate(None, username=user.email, password=PASSWORD) == user
        facts = fields_of(user, "name", "is_active", "is_superuser")
        yield user.email, facts | {"signs_in": signs_in}


def teams(reader: Reader) -> Iterator[tuple[str, Any]]:
    """Each team by name, with its members."""
    for team in Team.objects.all():
        members = team.memberships.select_related("user").order_by("user__email")
        for member in members:
            page = reader.page(member.user, reverse("team_detail", args=[team.pk]))
            reader.must_hold(page, str(team), [team.name])
        yield team.name, {member.user.email: str(member.role) for member in members}


def connections(reader: Reader) -> Iterator[tuple[str, Any]]:
    """Each connection by name, with its clear key."""
    for one in Connection.objects.select_related("owner", "team"):
        page = reader.page(one.owner, reverse("connection_detail", args=[one.pk]))
        reader.must_hold(page, one.name, [one.name])
        facts = fields_of(one, "provider", "options", "origin", "key_last4")
        yield one.name, facts | {"key": one.reveal_key(), "team": one.team and one.team.name}  # fmt: skip


def saved_queries(reader: Reader) -> Iterator[tuple[str, Any]]:
    """Each saved query by name."""
    names = ("description", "tags", "provider", "statement", "mode", "settings", "time_range", "range_start", "range_end", "layout")  # fmt: skip
    for one in SavedQuery.objects.select_related("owner", "team"):
        page = reader.page(one.owner, reverse("saved_query_detail", args=[one.pk]))
        reader.must_hold(page, one.name, [one.name, *one.statement.splitlines()])
        reader.page(one.owner, reverse("run_new"), saved=one.pk)
        readers = [u.email for u in User.objects.order_by("email") if SavedQuery.objects.visible_to(u).filter(pk=one.pk)]  # fmt: skip
        fans = sorted(one.favoured_by.values_list("email", flat=True))
        yield one.name, fields_of(one, *names) | {"visible_to": readers, "favoured_by": fans}  # fmt: skip


def runs(reader: Reader) -> Iterator[tuple[str, Any]]:
    """Each run by id, with its rows."""
    names = ("provider", "connection_name", "statement", "mode", "status", "settings", "time_range", "starts_at", "ends_at", "native_status", "job_id", "rows_received", "created_at", "finished_at")  # fmt: skip
    for run in Run.objects.select_related("owner", "team", "origin", "result"):
        page = reader.page(run.owner, reverse("run_detail", args=[run.pk]))
        reader.must_hold(page, f"run {run.pk}", run.statement.splitlines())
        facts = fields_of(run, *names) | {"origin": run.origin_id and str(run.origin_id)}  # fmt: skip
        facts["error_code"] = (run.error or {}).get("code")
        facts["warnings"] = [warning["code"] for warning in run.warnings]
        facts["visible_to"] = [u.email for u in User.objects.order_by("email") if Run.objects.visible_to(u).filter(pk=run.pk)]  # fmt: skip
        facts["result"] = result(reader, run, page) if run.result else None
        yield str(run.pk), facts


def result(reader: Reader, run: Run, page: str) -> dict[str, Any]:
    """The rows of a run, in every way a user reads them."""
    stored_rows = run.result
    facts = fields_of(stored_rows, "row_count", "complete", "columns_dropped")
    facts["columns"] = [f"{c['name']} {c['kind']}" for c in stored_rows.columns]
    facts["cuts"] = [cut["code"] for cut in stored_rows.cuts]
    facts["parts"] = stored_rows.parts.count()
    if not stored_rows.row_count:
        return facts
    text = reader.stream(run, format="ndjson", rows="all", columns="all")
    rows = [json.loads(line) for line in text.splitlines()]
    # The order of the columns may change with a release, the rows and their order may not.
    ordered = [json.dumps(row, sort_keys=True) for row in rows]
    facts["rows"] = len(rows)
    facts["rows_sha256"] = sha256("\n".join(ordered).encode())
    originals = reader.stream(run, format="ndjson", rows="all", columns="original").splitlines()  # fmt: skip
    facts["originals"] = len(originals)
    facts["originals_sha256"] = sha256(b"\n".join(originals))
    if not rows or not originals:
        return facts
    facts["first_cells"] = dict(list(rows[0].items())[:CELLS])
    words = [cell for cell in facts["first_cells"].values() if isinstance(cell, str) and WORDS.fullmatch(cell)]  # fmt: skip
    reader.must_hold(page, f"run {run.pk}", words)
    facts["row_panels"] = row_panels(reader, run, originals)
    explored(reader, run, stored_rows.columns)
    return facts


def row_panels(reader: Reader, run: Run, originals: list[bytes]) -> int:
    """Open some rows; each must show its original text. Gives how many."""
    last = len(originals) - 1
    numbers = sorted({last * at // (ROW_PAGES - 1) for at in range(ROW_PAGES)})
    for n in numbers:
        page = reader.page(run.owner, reverse("run_row", args=[run.pk, n]))
        # A browser replaces NUL by U+FFFD; lone surrogates have no UTF-8.
        text = originals[n].decode("utf-8", "replace")
        reader.must_hold(page, f"row {n} of run {run.pk}", [text])
    return len(numbers)


def explored(reader: Reader, run: Run, columns: list[dict[str, str]]) -> None:
    """Sort, filter, the last page, and each panel beside the grid."""
    name = columns[0]["name"]
    results = reverse("run_results", args=[run.pk])
    for query in ({"page": 10_000}, {"sort": f"-{name}"}, {"q": "a"}):
        reader.page(run.owner, results, **query)
    reader.page(run.owner, reverse("run_columns", args=[run.pk]))
    for column in columns[:10]:
        reader.page(run.owner, reverse("run_column", args=[run.pk]), of=column["name"])
    for view in ("run_timeline", "run_chart", "run_refine"):
        reader.page(run.owner, reverse(view, args=[run.pk]))


def exports(reader: Reader) -> Iterator[tuple[str, Any]]:
    """Each export by id, with the digest of its file."""
    for one in Export.objects.select_related("owner", "run"):
        reader.page(one.owner, reverse("export_detail", args=[one.pk]))
        client = reader.client(one.owner)
        answer = client.get(reverse("export_download", args=[one.pk]))
        body = b"".join(answer.streaming_content) if answer.streaming else b""
        answer.close()
        if client.get(reverse("export_manifest", args=[one.pk])).status_code != 200:
            reader.problems.append(f"The manifest of {one.file_name} cannot be read.")
        facts = fields_of(one, "format", "file_name", "status", "rows_done", "size", "sha256", "complete")  # fmt: skip
        yield str(one.pk), facts | {"run": str(one.run_id), "downloaded_sha256": sha256(body), "type": answer.headers["Content-Type"]}  # fmt: skip


def tasks(reader: Reader) -> list[str]:
    """The functions that wait in the queue; each must still exist."""
    waiting = {SignedPackage.loads(row.payload)["func"] for row in OrmQ.objects.all()}
    for name in waiting:
        try:
            import_string(name)
        except ImportError:
            reader.problems.append(f"A queued task calls {name}, which is gone.")
    return sorted(waiting)


def main() -> dict[str, Any]:
    """Everything, by kind."""
    reader = Reader()
    seen: dict[str, Any] = {"tasks": tasks(reader), "users": dict(users())}
    for kind in (teams, connections, saved_queries, runs, exports):
        seen[kind.__name__] = dict(kind(reader))
    for user in User.objects.all():
        for name in PAGES:
            reader.page(user, reverse(name))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_key_check")
        reader.problems += [f"broken foreign key {row}" for row in cursor.fetchall()]
    return seen | {"problems": reader.problems}


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(main())}\n")
