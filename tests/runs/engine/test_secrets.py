"""A key driven through every failure path of a run appears nowhere."""

from __future__ import annotations

import json
import logging

import pytest
from django.core import serializers
from django_q.models import OrmQ

from queries.models import Connection, Run, Status
from queries.runs.engine import fetching, scheduler
from queries.runs.services import cancel_run, curl_command, start_run, wait_for
from tests.factories import KEY
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.queued_tasks import queued_tasks
from tests.scripted_server import CUT

pytestmark = pytest.mark.django_db(transaction=True)
ECHO = f"your key {KEY} is no good"


def failures():
    """Answers that repeat the key, break, or make no sense."""
    return {
        "401": scripted_coralogix.Reply(401, body=ECHO.encode()),
        "403": scripted_coralogix.json_reply({"message": ECHO}, 403),
        "400": scripted_coralogix.json_reply({"message": ECHO}, 400),
        "429": scripted_coralogix.Reply(429, body=ECHO.encode()),
        "500": scripted_coralogix.Reply(
            500, body=ECHO.encode(), headers={"X-Request-Id": KEY}
        ),
        "no answer": scripted_coralogix.CONNECTION_CLOSED,
        "not JSON": scripted_coralogix.Reply(200, body=ECHO.encode()),
        "redirect": scripted_coralogix.Reply(
            302, headers={"Location": f"https://evil.example/{KEY}"}
        ),
        "in the stream": scripted_coralogix.ndjson_reply({"error": {"message": ECHO}}),
        "as a warning": scripted_coralogix.ndjson_reply(
            {"warning": {"compileWarning": {"warningMessage": ECHO}}},
            scripted_coralogix.COMPLETED,
        ),
        "as statistics": scripted_coralogix.ndjson_reply(
            {"statistics": {"status": "FAILED", "why": ECHO}}
        ),
        "as an id": scripted_coralogix.ndjson_reply(
            {"queryId": {"queryId": KEY}}, scripted_coralogix.COMPLETED
        ),
        "cut": scripted_coralogix.Reply(parts=[ECHO.encode(), CUT]),
        "as a job's end": scripted_coralogix.job_failed(ECHO),
        "as a job's state": scripted_coralogix.json_reply({KEY: {}}),
    }


def everything_stored():
    models = [row for model in (Run, Connection, OrmQ) for row in model.objects.all()]
    results = [row for run in Run.objects.all() for row in run.result_sets.all()]
    return serializers.serialize("json", [*models, *results]) + json.dumps(
        queued_tasks(), default=str
    )


@pytest.fixture
def log(caplog):
    """Everything that is logged, down to debug level, as it leaves the process."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.parametrize("how", failures())
def test_no_failure_of_a_direct_run_shows_the_key(
    how, make_request, upstream, log, monkeypatch
):
    monkeypatch.setattr("queries.runs.engine.executor.MAX_RATE_LIMIT_RETRIES", 0)
    upstream.on(scripted_coralogix.QUERY, failures()[how])
    run = wait_for(start_run(make_request()), 15)
    assert not run.is_active
    assert KEY not in everything_stored() + log.text + curl_command(run)


@pytest.mark.parametrize("how", failures())
@pytest.mark.parametrize(
    "where",
    [
        scripted_coralogix.SUBMIT,
        scripted_coralogix.STATUS,
        scripted_coralogix.DATA,
        scripted_coralogix.CANCEL,
    ],
)
def test_no_failure_of_a_background_run_shows_the_key(
    where, how, background_run, schedule_once, upstream, log
):
    upstream.on(where, failures()[how])
    run = schedule_once(schedule_once(background_run))
    if run.status == Status.FETCHING:
        fetching.fetch(str(run.pk))
    if where == scripted_coralogix.CANCEL:
        Run.objects.filter(pk=run.pk).update(
            status=Status.RUNNING, job_id="job-1", lease_token=None
        )
        cancel_run(run)
        schedule_once(run)
    assert KEY not in everything_stored() + log.text


def test_a_mistake_of_ours_shows_no_key_either(
    background_run, schedule_once, monkeypatch, log
):
    def broken(provider, *_rest):
        raise ZeroDivisionError(repr(provider.client))

    monkeypatch.setattr("queries.providers.coralogix.provider.Coralogix.submit", broken)
    schedule_once(background_run)
    assert "step_crashed" in log.text
    assert KEY not in everything_stored() + log.text


def test_what_the_queue_carries_is_ids_only(background_run, schedule_once):
    schedule_once(schedule_once(background_run))
    fetching.fetch(str(background_run.pk))
    scheduler.run_scheduler(run_seconds=0.01, idle_seconds=0)
    for package in queued_tasks():
        assert package["kwargs"] == {}
        assert all(argument == str(background_run.pk) for argument in package["args"])
