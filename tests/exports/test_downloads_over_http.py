"""Downloads over real HTTP: ranges, streams, and broken streams that clients notice."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import shutil
import socket
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from queries.exports.formats import FORMATS
from tests.running_product import wait_until
from tests.running_web_server import WebServer

ROWS = 120_000
WORLD = f"""
from queries.exports.services import start_export
from queries.models import Export
from queries.stored_results import result_dir
from queries.exports.selection import ExportRequest
from queries.exports import builder
run = stored_run(log_rows({ROWS}), owner=user)
broken = stored_run(log_rows({ROWS}), owner=user)
parts = sorted(result_dir(broken.result).glob("*.parquet"))
data = bytearray(parts[-1].read_bytes())
half = len(data) // 2
data[half - half // 2:half + half // 4] = b"x" * (half // 2 + half // 4)
parts[-1].write_bytes(data)
export = start_export(ExportRequest(owner=user, run=run, format="csv", limit=5_000))
answer = {{"run": str(run.pk), "broken": str(broken.pk), "export": str(export.pk),
    "sha256": export.sha256, "size": str(export.size), "status": export.status, "parts": len(parts)}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = WebServer(tmp_path_factory.mktemp("web"), QUERYDECK_DOWNLOADS="1")
    server.run_setup(WORLD)
    assert server.setup_output["status"] == "succeeded"
    assert server.setup_output["parts"] > 1
    with server.serve():
        yield server


@pytest.fixture
def path(server):
    return f"/exports/{server.setup_output['export']}/download/"


@pytest.fixture
def whole(server, path):
    return server.request("GET", path)[1]


def test_a_download_has_headers_for_size_hash_and_ranges(server, path, whole):
    for method in ("GET", "HEAD"):
        response, body = server.request(method, path)
        assert response.status == 200
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["ETag"] == f'"{server.setup_output["sha256"]}"'
        assert response.headers["Content-Length"] == server.setup_output["size"]
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert body == (whole if method == "GET" else b"")
    assert hashlib.sha256(whole).hexdigest() == server.setup_output["sha256"]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-100", -100, None),
        ("bytes=0-999999999999", 0, None),
        ("bytes=5-5", 5, 6),
    ],
)
def test_a_range_request_returns_that_part_of_the_file(
    server, path, whole, asked, start, stop
):
    response, body = server.request("GET", path, Range=asked)
    assert response.status == 206
    assert body == whole[start:stop]
    first = start % len(whole)
    total = len(whole)
    expected = f"bytes {first}-{first + len(body) - 1}/{total}"
    assert response.headers["Content-Range"] == expected
    assert response.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused_with_the_size(server, path, whole, asked):
    response, body = server.request("GET", path, Range=asked)
    assert (response.status, body) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-1", "bytes=x", "rows=1-2", "bytes=-"]
)
def test_other_range_headers_get_the_whole_file(server, path, whole, asked):
    response, body = server.request("GET", path, Range=asked)
    assert (response.status, body) == (200, whole)


def test_a_range_of_another_version_gets_the_whole_file(server, path, whole):
    etag = f'"{server.setup_output["sha256"]}"'
    assert server.request("GET", path, Range="bytes=5-", If_Range=etag)[0].status == 206
    for other in ('"other"', f"W/{etag}", "Sun, 22 Nov 2026 15:00:00 GMT"):
        response, body = server.request("GET", path, Range="bytes=5-", If_Range=other)
        assert (response.status, body) == (200, whole)


def test_curl_resumes_a_download_that_broke(server, path, whole, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    file = tmp_path / "rows.csv"
    file.write_bytes(whole[:1000])
    cookie = server.headers()["Cookie"]
    url = f"http://127.0.0.1:{server.port}{path}"
    command = ["curl", "-sf", "-C", "-", "-b", cookie, "-o", str(file), url]
    subprocess.run(command, check=True, timeout=60)
    assert file.read_bytes() == whole


def stream(server, which, body):
    return server.request("POST", f"/runs/{server.setup_output[which]}/download/", body)


@pytest.mark.parametrize(
    "form", [form.slug for form in FORMATS.values() if form.streams]
)
def test_every_format_is_streamed_completely(server, form):
    response, body = stream(server, "run", f"format={form}&rows=first&limit=30000")
    assert response.status == 200
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert len(body) > 100_000
    if form in {"csv", "tsv", "ndjson"}:
        assert body.count(b"\n") == 30_000 + (form != "ndjson")


def test_a_streamed_zip_holds_its_manifest(server):
    _response, body = stream(server, "run", "format=csv&compression=zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        name, last = archive.namelist()
        told = json.loads(archive.read(last))
        assert last == "manifest.json"
        digest = hashlib.sha256(archive.read(name)).hexdigest()
    assert told["file"]["data_sha256"] == digest
    assert told["file"]["rows"] == ROWS


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_in_a_stream_breaks_the_response(server, form):
    with pytest.raises(http.client.IncompleteRead) as broken:
        stream(server, "broken", f"format={form}")
    assert len(broken.value.partial) > 10_000


def test_curl_reports_a_stream_that_breaks(server, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    headers = [f"{name}: {value}" for name, value in server.headers().items()]
    url = (
        f"http://127.0.0.1:{server.port}/runs/{server.setup_output['broken']}/download/"
    )
    command = ["curl", "-s", "-d", "format=csv", "-o", str(tmp_path / "rows.csv"), url]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run(command, check=False, timeout=60)
    assert (
        done.returncode == 18
    )  # "transfer closed with outstanding read data remaining"


def begun(server, body="format=csv"):
    """A stream of which only the head was read."""
    connection = server.connect()
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    path = f"/runs/{server.setup_output['run']}/download/"
    connection.request("POST", path, body, server.headers())
    return connection, connection.getresponse()


def test_a_stream_without_a_slot_becomes_a_stored_export(server):
    connection, response = begun(server, "format=ndjson")
    assert response.status == 200
    refused, _body = stream(server, "run", "format=ndjson")
    assert refused.status == 302
    assert refused.headers["Location"].startswith("/exports/")
    response.close()
    connection.close()
    wait_until(
        lambda: stream(server, "run", "format=csv")[0].status == 200, 30, "a slot"
    )


def test_two_simultaneous_requests_create_one_export(server):
    path = f"/runs/{server.setup_output['run']}/exports/"
    body = "format=csv&rows=first&limit=20000&file_name=twice"
    with ThreadPoolExecutor(4) as clicks:
        answers = clicks.map(lambda _: server.request("POST", path, body), range(4))
        places = {answer.headers["Location"] for answer, _body in answers}
    assert {place.split("/")[1] for place in places} == {"exports"}
    assert len({place.split("/")[2] for place in places}) == 1


def test_an_http_1_0_client_gets_a_stored_export(server):
    body = b"format=csv&rows=first&limit=10"
    headers = "".join(f"{n}: {v}\r\n" for n, v in server.headers().items())
    path = f"/runs/{server.setup_output['run']}/download/"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        request = (
            f"POST {path} HTTP/1.0\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        sock.sendall(request.encode() + body)
        head = sock.makefile("rb").read()
    assert head.split(b"\r\n")[0].split()[1] == b"302"
    assert b"Location: /exports/" in head
