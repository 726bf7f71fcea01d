"""``manage.py rotate_keys``: every key under the newest field key, whatever happens meanwhile."""

from __future__ import annotations

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from queries.connections.services import rotate_keys
from queries.fields import is_sealed_with_newest_key
from queries.models import Connection
from tests.factories import KEY, ConnectionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def newer(settings):
    """Stored keys, then a newer field key; gives the function that drops the old one."""
    ConnectionFactory.create_batch(5)
    old = settings.FIELD_KEYS
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *old]

    def drop_the_old_key():
        settings.FIELD_KEYS = settings.FIELD_KEYS[:1]

    return drop_the_old_key


def run(**options):
    out = io.StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("batch", [1, 2, 5, 200])
def test_every_key_is_sealed_anew_and_the_old_field_key_can_go(newer, batch):
    said = run(batch=batch)
    assert "5 sealed anew, 0 already under the newest key, 0 failed" in said
    newer()
    assert {connection.reveal_key() for connection in Connection.objects.all()} == {KEY}


def test_repeating_it_changes_nothing(newer):
    run()
    tokens = set(Connection.objects.values_list("sealed_key", flat=True))
    assert "0 sealed anew, 5 already" in run()
    assert tokens == set(Connection.objects.values_list("sealed_key", flat=True))


def test_keys_that_cannot_be_read_are_named_and_the_others_are_done(newer):
    broken = Connection.objects.last()
    Connection.objects.filter(pk=broken.pk).update(sealed_key="gAAAAAbroken")
    with pytest.raises(CommandError, match=str(broken.pk)) as caught:
        run(batch=2)
    assert "1 could not be read" in str(caught.value)
    assert caught.value.returncode == 1
    assert "gAAAA" not in str(caught.value)
    newest = [
        is_sealed_with_newest_key(row.sealed_key) for row in Connection.objects.all()
    ]
    assert newest.count(True) == 4


def test_a_failure_ends_the_process_with_an_error(newer):
    Connection.objects.update(sealed_key="gAAAAAbroken")
    with pytest.raises(CommandError):
        run()


def test_nothing_secret_is_said(newer, capfd):
    said = run() + str(capfd.readouterr())
    for connection in Connection.objects.all():
        assert connection.sealed_key not in said
        assert connection.key_last4 not in said
    assert KEY not in said


def test_a_key_entered_meanwhile_is_not_overwritten(newer, monkeypatch):
    row = Connection.objects.order_by("pk").first()
    original, once = Connection.reseal_key, []

    def somebody_enters_a_key_first(self):
        if self.pk == row.pk and not once:
            once.append(True)
            fresh = Connection.objects.get(pk=self.pk)
            fresh.set_key("entered-just-now-by-its-owner")
            fresh.save()
        return original(self)

    monkeypatch.setattr(Connection, "reseal_key", somebody_enters_a_key_first)
    run()
    newer()
    row.refresh_from_db()
    assert row.reveal_key() == "entered-just-now-by-its-owner"


def test_a_connection_deleted_meanwhile_is_left_out(newer):
    totals = rotate_keys(1)
    next(totals)
    Connection.objects.all().delete()
    assert list(totals)[-1].sealed == 1


def test_a_row_that_vanishes_while_it_is_sealed_is_no_failure(newer, monkeypatch):
    original = Connection.reseal_key

    def deleted_first(self):
        Connection.objects.filter(pk=self.pk).delete()
        return original(self)

    monkeypatch.setattr(Connection, "reseal_key", deleted_first)
    assert "0 sealed anew, 0 already under the newest key, 0 failed" in run()


def test_renaming_a_connection_that_was_read_before_keeps_the_new_seal(newer):
    from queries.connections.services import ConnectionInput, save_connection

    before = Connection.objects.first()
    run()
    save_connection(before, ConnectionInput(name="Renamed", options=before.options))
    newer()
    assert Connection.objects.get(pk=before.pk).reveal_key() == KEY


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(CommandError, match="at least 1"):
        run(batch=0)


def test_without_connections_it_is_content():
    assert "Every key is under the newest one." in run()
