"""What the rows promise: who sees what, and what is never in a repr."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from queries.fields import SealError
from queries.models import (
    Connection,
    Export,
    Heartbeat,
    Invitation,
    RateBucket,
    Role,
    Run,
    SavedQuery,
    SchedulerLock,
    SignInLink,
    Status,
    Team,
    User,
    unleased,
)
from tests.factories import (
    KEY,
    ConnectionFactory,
    ExportFactory,
    MembershipFactory,
    ResultSetFactory,
    RunFactory,
    SavedQueryFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    """An owner with something of each kind shared with a team, its members, and a stranger."""
    team = TeamFactory()
    people = {"owner": UserFactory(), "stranger": UserFactory()}
    MembershipFactory(team=team, user=people["owner"], role=Role.ADMIN)
    for role in (Role.VIEWER, Role.EDITOR):
        people[str(role)] = MembershipFactory(team=team, role=role).user
    shared = {"owner": people["owner"], "team": team}
    SavedQueryFactory(**shared)
    RunFactory(**shared, connection=ConnectionFactory(**shared))
    for made in (ConnectionFactory, SavedQueryFactory, RunFactory):
        made()  # a stranger's own, never seen here
    return people


@pytest.mark.parametrize("model", [Connection, SavedQuery, Run, Team])
def test_visible_are_own_and_shared_things(cast, model):
    seen = {name: model.objects.visible_to(who).count() for name, who in cast.items()}
    assert seen == {"owner": 1, "viewer": 1, "editor": 1, "stranger": 0}


def test_a_thing_of_ones_own_team_is_seen_once(cast):
    for n in range(3):
        MembershipFactory(user=cast["owner"], team=TeamFactory(name=f"Other {n}"))
    assert Connection.objects.visible_to(cast["owner"]).count() == 1


@pytest.mark.parametrize(
    ("queryset", "who"),
    [
        (lambda u: Connection.objects.owned_by(u), {"owner"}),
        (lambda u: SavedQuery.objects.editable_by(u), {"owner", "editor"}),
        (lambda u: SavedQuery.objects.owned_by(u), {"owner"}),
        (lambda u: Run.objects.owned_by(u), {"owner"}),
        (lambda u: Team.objects.editable_by(u), {"owner", "editor"}),
        (lambda u: Team.objects.administered_by(u), {"owner"}),
    ],
)
def test_who_may_change_what(cast, queryset, who):
    allowed = {name for name, person in cast.items() if queryset(person).exists()}
    assert allowed == who


def test_an_export_is_its_owners_while_its_run_is_visible(cast):
    run = Run.objects.exclude(team=None).get()
    export = ExportFactory(run=run, owner=cast["viewer"])
    assert list(Export.objects.visible_to(cast["viewer"])) == [export]
    assert not Export.objects.visible_to(cast["owner"]).exists()
    cast["viewer"].memberships.all().delete()
    assert not Export.objects.visible_to(cast["viewer"]).exists()


# Connections


def test_a_key_opens_only_in_its_own_row_and_for_its_own_origin():
    one, two = ConnectionFactory(), ConnectionFactory()
    assert one.reveal_key() == KEY
    two.sealed_key = one.sealed_key
    with pytest.raises(SealError):
        two.reveal_key()
    one.origin = "https://evil.example"
    with pytest.raises(SealError):
        one.reveal_key()


def test_of_a_short_key_nothing_is_shown():
    assert ConnectionFactory(key="short-key").key_last4 == ""
    assert ConnectionFactory(key="twelve-chars").key_last4 == "hars"


def test_a_key_is_in_no_repr():
    connection = ConnectionFactory()
    for text in (repr(connection), str(connection), str(vars(connection))):
        assert KEY not in text


def test_a_provider_nobody_knows_any_more_keeps_its_slug():
    assert ConnectionFactory().provider_label == "Coralogix"
    assert SavedQueryFactory(provider="gone").provider_label == "gone"


# People


def test_addresses_differ_by_more_than_case():
    UserFactory(email=" Ada@Example.com ")
    assert User.objects.get().email == "ada@example.com"
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(email="ADA@example.com")


def test_cleaning_keeps_the_address_in_lower_case():
    person = User(email="ADA@Example.COM")
    person.clean()
    assert person.email == "ada@example.com"


def test_a_superuser_signs_in_like_anybody():
    boss = User.objects.create_superuser("Boss@Example.com", "pw")
    assert (boss.is_superuser, boss.email) == (True, "boss@example.com")
    assert User.objects.get_by_natural_key("BOSS@example.com") == boss
    assert not User.objects.create_user("x@example.com").has_usable_password()


def test_a_person_is_called_by_name_else_by_address():
    assert str(UserFactory(name="Ada")) == "Ada"
    assert str(UserFactory(name="", email="b@example.com")) == "b@example.com"


# One-time tokens


def test_a_token_is_redeemed_once_and_in_time(user):
    token = SignInLink(user=user).issue(timedelta(hours=1))
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert SignInLink.redeem(token) is None
    assert SignInLink.redeem("guess") is None
    assert SignInLink.redeem(token).user == user
    assert SignInLink.redeem(token) is None
    assert not SignInLink.live(token).exists()


def test_the_database_does_not_hold_the_token(user):
    token = SignInLink(user=user).issue(timedelta(hours=1))
    assert token not in str(SignInLink.objects.values_list())


# Runs and leases


def test_active_are_the_statuses_that_have_not_ended():
    for status in Status:
        RunFactory(status=status)
    active = set(Run.objects.active().values_list("status", flat=True))
    assert active == {"queued", "running", "fetching"}
    assert {run.status for run in Run.objects.all() if run.is_active} == active
    assert not ExportFactory(status=Status.FAILED).is_active
    assert Export.objects.active().count() == 0


def test_one_form_makes_one_run(user):
    run = RunFactory(owner=user)
    with pytest.raises(IntegrityError), transaction.atomic():
        RunFactory(owner=user, form_key=run.form_key)
    RunFactory(form_key=run.form_key)


def test_a_lease_is_free_when_nobody_holds_it_or_it_has_run_out():
    now = timezone.now()
    free = [RunFactory(), RunFactory(lease_until=now - timedelta(seconds=1))]
    RunFactory(lease_until=now + timedelta(seconds=1))
    found = Run.objects.filter(unleased(now)).order_by("created_at")
    assert list(found) == free


def test_every_row_has_a_name(user):
    team = TeamFactory(name="Shop")
    named = {
        str(MembershipFactory(team=team, user=user)): f"{user} in Shop as viewer",
        str(SignInLink(user=user)): f"sign-in link for {user}",
        str(Invitation(team=team, email="a@b.c")): "a@b.c invited to Shop",
        str(SavedQueryFactory(name="Errors")): "Errors",
        str(SchedulerLock(number=1)): "scheduler lock 1",
        str(RateBucket(key="coralogix:abc")): "rate bucket coralogix:abc",
        str(ExportFactory()): "result.csv",
    }
    assert all(found == wanted for found, wanted in named.items())
    assert str(Heartbeat(name="worker", at=timezone.now())).startswith("worker at ")
    run = RunFactory()
    assert str(run) == f"run {run.pk}"
    assert str(ResultSetFactory(run=run))
