"""Capabilities decide what a page offers, and it says what a provider does not offer and what that means."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from queries.connections import rate_limit
from queries.models import Mode, Status
from queries.providers.base import Capabilities
from queries.providers.registry import provider_choices, provider_class
from queries.views.capability_texts import (
    CAPABILITY_TEXTS,
    supported_labels,
    unsupported_capabilities,
)
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.factories import ConnectionFactory, MembershipFactory, RunFactory
from tests.scripted_server import Upstream, json_reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]

# What nobody sees the lack of: every stored row is at hand whatever the provider's pages are like.
# `creator_only` and `job_retention` have sentences of their own.
UNSEEN = {
    "random_access_paging",
    "embedded_rows",
    "creator_only",
    "job_retention",
}
SLUGS = [slug for slug, _ in provider_choices()]


def detail(page, connection) -> str:
    return page.get(reverse("connection_detail", args=[connection.pk])).text


def test_every_capability_has_its_words():
    named = {field.name for field in dataclasses.fields(Capabilities)}
    assert {offer.capability for offer in CAPABILITY_TEXTS} == named - UNSEEN


@pytest.mark.parametrize("slug", SLUGS)
def test_the_connection_page_says_what_its_provider_does_not_offer(page, user, slug):
    kind = provider_class(slug)
    text = detail(page, ConnectionFactory(owner=user, provider=slug))
    assert "Not offered by this provider" in text
    for offer in unsupported_capabilities(kind):
        assert offer.absence_text in text
    assert {o.label for o in unsupported_capabilities(kind)}.isdisjoint(
        supported_labels(kind)
    )
    for offer in CAPABILITY_TEXTS:
        assert (offer.absence_text in text) is not bool(
            getattr(kind.capabilities, offer.capability)
        )


def test_those_a_connection_is_shared_with_read_the_same(page, user):
    team = MembershipFactory(user=user).team
    text = detail(page, ConnectionFactory(provider="polytomic", team=team))
    assert "A cancel here stops our watching" in text
    assert "Last used" in text


def test_a_limit_that_is_published_and_one_that_is_not_are_said(page, user):
    assert "30 in 60 s for each key" in detail(page, ConnectionFactory(owner=user))
    text = detail(page, connection_to("polytomic", owner=user))
    assert "no limit published" in text
    assert "Quota: not reported by Polytomic" in text


def test_a_provider_that_asked_to_wait_is_said_on_the_page(page, user):
    connection = connection_to("polytomic", owner=user)
    assert "asked us to wait" not in detail(page, connection)
    rate_limit.block(connection, 90)
    assert "asked us to wait until" in detail(page, connection)


def test_the_test_of_a_connection_shows_the_providers_code_and_request_id(page, user):
    refused = json_reply(
        {"key": "auth_failed", "message": "no"}, 401, X_Request_ID="r-7"
    )
    with Upstream() as upstream:
        upstream.on("*", refused)
        connection = connection_to("polytomic", upstream.origin, owner=user)
        url = reverse("connection_test", args=[connection.pk])
        text = page.post(url, headers={"HX-Request": "true"}).text
    assert "Provider code: auth_failed. Request id: r-7." in text


def run_of(user, provider, **more):
    return RunFactory(owner=user, provider=provider, mode=Mode.BACKGROUND, **more)


def test_a_shared_run_says_that_its_provider_shows_the_result_to_its_key_only(
    page, user
):
    team = MembershipFactory(user=user).team
    for owner in (user, MembershipFactory(team=team).user):
        run = run_of(owner, "polytomic", team=team, status=Status.SUCCEEDED)
        text = page.get(reverse("run_detail", args=[run.pk])).text
        assert "Polytomic shows this result only to the key that started" in text
    other = run_of(user, "coralogix", team=team, status=Status.SUCCEEDED)
    text = page.get(reverse("run_detail", args=[other.pk])).text
    assert "only to the key that started" not in text


def test_before_sharing_it_is_said_what_will_be_shared(page, user):
    MembershipFactory(user=user)
    run = run_of(user, "polytomic", status=Status.SUCCEEDED)
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert "They see the rows stored here" in text
    assert "Polytomic itself shows the result only to the key" in text


def test_a_cancel_that_a_provider_cannot_do_is_explained_before_it_is_asked(page, user):
    moments = {"next_at": timezone.now() + timedelta(hours=1), "job_id": "j-1"}
    run = run_of(user, "polytomic", status=Status.RUNNING, **moments)
    text = page.get(reverse("run_detail", args=[run.pk])).text
    assert "Polytomic cannot cancel: we stop watching" in text
    able = run_of(user, "saf", status=Status.RUNNING, **moments)
    text = page.get(reverse("run_detail", args=[able.pk])).text
    assert "we stop watching" not in text
