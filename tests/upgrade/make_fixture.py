"""Make the upgrade fixture of a release: `python -m tests.upgrade.make_fixture 0.1.0`, run in that release's code.

Starts the product with a sandbox, does what users do over HTTP, stops it and packs the database and the data directory.
`expected.json` is what `observe` sees with the release's own code. Takes about a minute. See README.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.upgrade.release import FIELD_KEY, HERE, PASSWORD, ROOT, environment, observed

KEY = "sandbox-demo-key"
ACTIVE = ("queued", "running", "fetching")
OWNER, MEMBER = "owner@localhost", "member@example.com"
WAREHOUSE = "248df4b7-aa70-47b8-a036-33ac447e668d"
LOGS = "source logs | filter $d.message != null | limit"


class FormParser(HTMLParser):
    """The fields of each form of a page with the values a browser would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, Any]]] = []
        self._fields: dict[str, Any] = {}
        self._select = self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the value of one element."""
        found = {name: value or "" for name, value in attrs}
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "form":
            self._fields = {}
            self.forms.append((found.get("action", ""), self._fields))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in found or self._select not in self._fields:
                self._fields[self._select] = value
        elif tag == "textarea":
            self._area = name
            self._fields[name] = ""
        elif tag == "input" and name:
            is_choice = found.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in found:
                self._fields[name] = value or ("on" if is_choice else "")

    def handle_endtag(self, tag: str) -> None:
        """End what has an end."""
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        """Add to the text area that is open."""
        if self._area:
            self._fields[self._area] = (self._fields[self._area] + data).lstrip("\n")


def problems(answer: httpx.Response) -> list[str]:
    """What a page says is wrong with a form."""
    return re.findall(r'(?s)errorlist".*?</ul>|role="alert".*?</div>', answer.text)


def form_for(text: str, action: str | None, page: str) -> tuple[str, dict[str, Any]]:
    """The form of a page that goes to `action`; None: to the page itself."""
    targets = {action} if action else {page, ""}
    forms = FormParser(text).forms
    return next(form for form in forms if form[0].partition("?")[0] in targets)


class User:
    """One signed-in user, who fills in forms."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=60)

    def submit(
        self, page: str, action: str | None = None, **values: Any
    ) -> httpx.Response:
        """Fill in the form of `page` that goes to `action` (None: to the page itself) and send it."""
        shown = self.http.get(page)
        assert shown.status_code == 200, (page, shown.status_code)
        goes_to, default = form_for(shown.text, action, page.partition("?")[0])
        to = urljoin(str(shown.url), goes_to or page)
        answer = self.http.post(
            to, data=default | values, headers={"Referer": str(shown.url)}
        )
        assert answer.status_code == 200, (page, answer.status_code, problems(answer))
        return answer

    def start(self, page: str, **values: Any) -> str:
        """Start a run and give its address."""
        answer = self.submit(page, **values)
        path = answer.url.path
        assert re.fullmatch(r"/runs/[0-9a-f-]{36}/(results/)?", path), problems(answer)
        return path.removesuffix("results/")

    def act(self, page: str, name: str, **values: Any) -> httpx.Response:
        """Send the form of a page's own action, such as "cancel"."""
        return self.submit(page, f"{page}{name}/", **values)


@contextmanager
def running(command: list[str], place: Path, log: Path) -> Iterator[None]:
    """A process of manage.py, ended with Ctrl-C."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment(place),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Wait for a condition and give its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} never happened"
        time.sleep(0.2)
    return value


class Installation:
    """The product and the sandbox in a folder, and what users do in them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.keys: dict[str, str] = {}
        self.sandbox = ""
        self.url = ""

    @contextmanager
    def sandbox_running(self) -> Iterator[None]:
        """Run the sandbox beside the product; its rows are no part of the installation."""
        file = self.place.with_name("sandbox-url")
        rows = ["--rows", "20000", "--data-dir", str(self.place.with_name("sandbox"))]
        command = [
            "sandbox",
            "--port",
            "0",
            "--url-file",
            str(file),
            "--faults",
            "--rate",
            "0",
        ]
        with running(
            [*command, *rows], self.place, self.place.with_name("sandbox.log")
        ):
            until(file.exists, "the sandbox")
            self.sandbox = file.read_text()
            os.environ["QUERYDECK_UPSTREAM_HOSTS"] = self.sandbox.removeprefix(
                "http://"
            )
            yield

    @contextmanager
    def product_running(self, *more: str) -> Iterator[None]:
        """Run the product, or a part of it."""
        log = self.place.with_name("product.log")
        with running(["up", "--port", "8931", *more], self.place, log):
            self.url = "http://127.0.0.1:8931"
            until(self._answers, log.read_text() or "the web server")
            yield

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def owner(self) -> User:
        """The owner, by the link that was printed."""
        log = self.place.with_name("product.log")
        printed = r"with (http://\S+)"
        until(lambda: re.search(printed, log.read_text()), "the link")
        user = User(self.url)
        user.http.get(re.search(printed, log.read_text())[1])
        return user

    def faulty(self, name: str, **more: Any) -> None:
        """Have the sandbox misbehave on the next call."""
        body = {"name": name, **more}
        httpx.post(f"{self.sandbox}/_sandbox/faults", json=body).raise_for_status()

    def ended(self, user: User, run: str) -> None:
        """Wait until a run has ended."""
        until(lambda: self.status(run) not in ACTIVE, f"the end of {run}")

    def status(self, run: str) -> str:
        """The status as the database has it."""
        pk = run.split("/")[2].replace("-", "")
        return str(self.rows("SELECT status FROM queries_run WHERE id = ?", pk)[0][0])

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What the database answers."""
        with closing(sqlite3.connect(self.place / "querydeck.sqlite3")) as database:
            return database.execute(sql, values).fetchall()


def connect(world: Installation, user: User, provider: str, **values: Any) -> str:
    """Make a connection to the sandbox and give its id."""
    name = values.pop("name", f"{provider} sandbox")
    key = world.keys.setdefault(name, values.pop("key", KEY))
    page = f"/connections/new/?provider={provider}"
    answer = user.submit(page, "/connections/new/", name=name, key=key, **values)
    assert answer.url.path != "/connections/new/", problems(answer)
    return answer.url.path.split("/")[2]


def connections(world: Installation, user: User, team: str) -> dict[str, str]:
    """One connection for each provider, and one whose key is not the sandbox's."""
    origin = world.sandbox
    custom = {"option_region": "custom", "option_endpoint": origin}
    return {
        "coralogix": connect(world, user, "coralogix", team=team, **custom),
        "spare": connect(
            world, user, "coralogix", name="Ключ of its own ✓", key="cxup_0123456789-upgrade", **custom
        ),
        "polytomic": connect(
            world, user, "polytomic", option_endpoint=origin, option_connection_id=WAREHOUSE
        ),
        "saf": connect(world, user, "saf", option_address=origin, option_auth="bearer"),
        "supermetrics": connect(
            world, user, "supermetrics", option_base_url=f"{origin}/enterprise/v2"
        ),
    }  # fmt: skip


def teams(user: User, world: Installation) -> tuple[str, User]:
    """A team with a second member, who accepts the invitation."""
    page = user.submit("/teams/", name="Platform team").url.path
    invited = user.submit(page, f"{page}members/", email=MEMBER, role="editor")
    link = re.search(r"http://\S+?/accounts/join/[^/]+/", invited.text)[0]
    member = User(world.url)
    member.submit(link, name="Second member", password=PASSWORD)
    return page.split("/")[2], member


def saved_queries(user: User, member: User, team: str) -> None:
    """A private one, a shared one, and one of the other member."""
    new = "/saved-queries/new/?provider="
    private = user.submit(
        f"{new}coralogix", name="Private: Größe", description="Line one\nline two", tags="größe, latency",
        statement="source logs\n| filter $d.message ~ 'ü'  \n| limit 10", mode="background", time_range="last-7d",
    )  # fmt: skip
    user.submit(
        f"{new}polytomic", name="Shared orders", statement="SELECT *\nFROM orders", mode="background", team=team,
        setting_connection_id=WAREHOUSE,
    )  # fmt: skip
    member.submit(
        f"{new}coralogix", name="Of the member", team=team, statement="source logs | limit 5", mode="direct",
        time_range="absolute", range_start="2026-01-02T03:04:05", range_end="2026-01-03T04:05:06",
    )  # fmt: skip
    page = private.url.path
    token = FormParser(private.text).forms[0][1]["csrfmiddlewaretoken"]
    sent = {"csrfmiddlewaretoken": token}
    user.http.post(f"{page}favourite/", data=sent | {"on": "1"})
    widths = '{"$d.message": 320}'
    layout = {"view": "c=$d.message&c=$m.timestamp", "widths": widths}
    user.http.post(f"{page}layout/", data=sent | layout)


def coralogix_runs(
    world: Installation, user: User, pk: str, team: str
) -> dict[str, str]:
    """Direct and background runs of each outcome."""
    new = f"/runs/new/?connection={pk}"
    common = {"connection": pk, "time_range": "last-24h", "mode": "direct"}
    made = {"complete": user.start(new, **common, statement=f"{LOGS} 600")}
    world.faulty("odd-rows")
    made["odd rows"] = user.start(new, **common, statement="source logs | limit 30")
    made["default limit"] = user.start(
        new, **common, statement="source logs | choose $m.timestamp, $d.message"
    )
    world.faulty("fails-midway", after=7)
    made["failed with rows"] = user.start(new, **common, statement=f"{LOGS} 1000")
    world.faulty("stalled", after=4)
    made["cancelled with rows"] = user.start(new, **common, statement=f"{LOGS} 900")
    user.act(made["cancelled with rows"], "cancel")
    made["no rows"] = user.start(
        new,
        **common,
        statement="source logs | filter $d.message == 'nothing like this'",
    )
    made["rows deleted"] = user.start(new, **common, statement="source logs | limit 3")
    background = common | {"mode": "background"}
    world.faulty("ends-failed")
    made["failed"] = user.start(new, **background, statement="source logs | limit 7")
    made["background"] = user.start(new, **background, statement=f"{LOGS} 520")
    made["cancelled"] = user.start(new, **background, statement="source logs | limit 9")
    user.act(made["cancelled"], "cancel")
    for run in made.values():
        world.ended(user, run)
    user.act(made["rows deleted"], "delete-rows")
    user.act(made["complete"], "share", team=team)
    return made


def other_runs(world: Installation, user: User, pks: dict[str, str]) -> dict[str, str]:
    """Runs on the other providers."""
    made = {
        "saf": user.start(
            f"/runs/new/?connection={pks['saf']}", connection=pks["saf"], mode="background", time_range="last-24h",
            statement="source shop-* | search severity=Error OR severity=Warning | head 300", setting_calculate_stats="on",
        ),
        "polytomic": user.start(
            f"/runs/new/?connection={pks['polytomic']}", connection=pks["polytomic"], mode="background",
            statement="SELECT * FROM orders ORDER BY order_id LIMIT 700",
        ),
        "supermetrics": user.start(
            f"/runs/new/?connection={pks['supermetrics']}", connection=pks["supermetrics"], mode="direct", statement="",
            time_range="none", setting_input="form", setting_ds_id="AW", setting_ds_accounts="list.all_accounts",
            setting_fields="Date, Campaignname, Impressions, Clicks, Cost", setting_date_range_type="last_x_days",
            setting_date_range_count="30",
        ),
    }  # fmt: skip
    for run in made.values():
        world.ended(user, run)
    return made


def refines(
    world: Installation, user: User, member: User, made: dict[str, str]
) -> dict[str, str]:
    """Queries on stored rows, one of them by the other member on the shared run."""
    dataprime = (
        "source logs | filter $m.severity == ERROR || $d.message != null | limit 120"
    )
    counts = "source logs | groupby $l.subsystemname aggregate count() as lines | orderby lines desc"
    refined = {
        "refine": user.start(f"{made['complete']}refine/", language="dataprime", statement=dataprime),
        "refine by member": member.start(f"{made['complete']}refine/", language="dataprime", statement=counts),
        "refine in SQL": user.start(
            f"{made['polytomic']}refine/", language="sql", statement="SELECT status, count(*) AS n FROM rows GROUP BY 1 ORDER BY 1"
        ),
        "refine failed": user.start(f"{made['background']}refine/", language="sql", statement="SELECT nothing FROM nowhere"),
    }  # fmt: skip
    for run in refined.values():
        world.ended(user, run)
    return refined


def exports(user: User, member: User, made: dict[str, str]) -> None:
    """A file of every format, packed and not, and one made by a provider."""
    run = made["complete"]
    page = user.http.get(run).text
    token = next(
        fields["csrfmiddlewaretoken"]
        for action, fields in FormParser(page).forms
        if action.endswith("/exports/")
    )

    def export(user: User, token: str, run: str, **values: Any) -> None:
        sent = {"csrfmiddlewaretoken": token, "rows": "all", "columns": "all", **values}
        answer = user.http.post(f"{run}exports/", data=sent)
        assert "attachment" in answer.headers.get("content-disposition", ""), values

    few = {"rows": "first", "limit": "200"}
    for name in ("csv", "tsv", "json", "ndjson"):
        export(user, token, run, format=name)
    for name in ("parquet", "xlsx"):
        export(user, token, run, format=name, **few)
    export(user, token, run, format="csv", compression="zip", file_name="Zip ✓", **few)
    export(user, token, run, format="csv", compression="gzip", **few)
    export(user, token, run, format="ndjson", columns="original", compression="gzip")
    view = "c=$d.message&c=$m.timestamp&sort=-$m.timestamp&q=order"
    export(
        user,
        token,
        run,
        format="csv",
        columns="shown",
        as_shown="1",
        view=view,
        file_name="As shown",
    )
    export(user, token, made["failed with rows"], format="json", exact="on")
    export(user, token, made["odd rows"], format="ndjson", columns="original")
    user.act(made["saf"], "provider-file", format="csv", rows="all")


def make(release: str, folder: Path) -> None:
    """Fill `folder` with the fixture of this code."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "data"
        place.mkdir()
        world = Installation(place)
        with world.sandbox_running():
            with world.product_running("--no-sandbox"):
                runs = fill(world)
            with world.product_running("--only", "web"):
                # No worker runs: this one waits in the queue.
                user = User(world.url)
                user.submit("/accounts/login/", username=MEMBER, password=PASSWORD)
                page = user.http.get("/runs/new/").text
                pk = next(
                    f["connection"]
                    for _, f in FormParser(page).forms
                    if "connection" in f
                )
                common = {
                    "connection": pk,
                    "time_range": "last-24h",
                    "mode": "background",
                }
                runs["queued"] = user.start(
                    f"/runs/new/?connection={pk}",
                    **common,
                    statement="source logs | limit 11",
                )
        names = {run.split("/")[2]: name for name, run in runs.items()}
        pack(release, folder, world, names)


def fill(world: Installation) -> dict[str, str]:
    """Everything that users do while the whole product runs."""
    user = world.owner()
    team, member = teams(user, world)
    pks = connections(world, user, team)
    saved_queries(user, member, team)
    made = coralogix_runs(world, user, pks["coralogix"], team)
    made |= other_runs(world, user, pks)
    made |= refines(world, user, member, made)
    exports(user, member, made)
    unfinished = (
        "SELECT 1 FROM queries_export WHERE status IN ('queued', 'running', 'fetching')"
    )
    until(lambda: not world.rows(unfinished), "the last export")
    return made


def kept_files(world: Installation) -> Iterator[Path]:
    """The database, the exports, and the parts that it names; others wait for their removal."""
    place = world.place
    named = {row[0] for row in world.rows("SELECT name FROM queries_resultpart")}
    yield place / "querydeck.sqlite3"
    yield from (path for path in (place / "exports").rglob("*") if path.is_file())
    yield from (
        path for path in (place / "results").rglob("*.parquet") if path.name in named
    )


def pack(
    release: str, folder: Path, world: Installation, names: dict[str, str]
) -> None:
    """Write the archive, then what this code sees in it."""
    path = world.place / "querydeck.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DELETE FROM django_session")
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("VACUUM")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with tarfile.open(folder / "installation.tar.xz", "w:xz") as archive:
        for path in kept_files(world):
            archive.add(path, arcname=path.relative_to(world.place))
    expected = {
        "release": release,
        "field_key": FIELD_KEY,
        "keys": world.keys,
        "runs": names,
    }
    expected["observed"] = observed(world.place)
    text = json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / "expected.json").write_text(f"{text}\n")


if __name__ == "__main__":
    make(sys.argv[1], HERE / sys.argv[1])
