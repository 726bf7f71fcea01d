"""Rows for tests, valid unless a test says otherwise."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from queries.models import (
    Connection,
    Export,
    Membership,
    ResultSet,
    Run,
    SavedQuery,
    Team,
    User,
)

PASSWORD = "correct horse battery"
KEY = "cxup_canary_0123456789abcdef"


class UserFactory(DjangoModelFactory):
    """A person who can sign in with PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        kwargs.setdefault("password", PASSWORD)
        return model_class.objects.create_user(*args, **kwargs)


class TeamFactory(DjangoModelFactory):
    """A team; members are added with MembershipFactory."""

    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class MembershipFactory(DjangoModelFactory):
    """One person in one team, as viewer."""

    class Meta:
        model = Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)


class ConnectionFactory(DjangoModelFactory):
    """A Coralogix connection to ``origin`` (nothing listens there), holding KEY."""

    class Meta:
        model = Connection

    owner = factory.SubFactory(UserFactory)
    provider = "coralogix"
    name = factory.Sequence(lambda n: f"Connection {n}")
    origin = "http://127.0.0.1:9"
    options = factory.LazyAttribute(
        lambda o: {"region": "custom", "endpoint": o.origin}
    )

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        key = kwargs.pop("key", KEY)
        connection = model_class(*args, **kwargs)
        connection.set_key(key)
        connection.save()
        return connection


class SavedQueryFactory(DjangoModelFactory):
    """A private saved query for Coralogix."""

    class Meta:
        model = SavedQuery

    owner = factory.SubFactory(UserFactory)
    provider = "coralogix"
    name = factory.Sequence(lambda n: f"Query {n}")
    statement = "source logs | limit 10"


class RunFactory(DjangoModelFactory):
    """A queued direct run of the last hour on the owner's own connection."""

    class Meta:
        model = Run

    owner = factory.SubFactory(UserFactory)
    connection = factory.SubFactory(
        ConnectionFactory, owner=factory.SelfAttribute("..owner")
    )
    connection_name = factory.SelfAttribute("connection.name")
    provider = "coralogix"
    statement = "source logs | limit 10"
    ends_at = factory.LazyFunction(timezone.now)
    starts_at = factory.LazyAttribute(lambda o: o.ends_at - timedelta(hours=1))


class ResultSetFactory(DjangoModelFactory):
    """An empty result set of a run; it has no parts."""

    class Meta:
        model = ResultSet

    run = factory.SubFactory(RunFactory)


class ExportFactory(DjangoModelFactory):
    """A queued CSV export of a run."""

    class Meta:
        model = Export

    owner = factory.SelfAttribute("run.owner")
    run = factory.SubFactory(RunFactory)
    format = "csv"
    file_name = "result.csv"
