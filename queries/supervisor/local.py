"""What a first start on somebody's own machine needs, so that one command is all it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse

from queries.accounts import issue_sign_in_link
from queries.fields import fingerprint
from queries.models import Connection, User

OWNER = "owner@localhost"
# The key the sandbox lets in; it guards nothing but demo rows on this machine.
SANDBOX_KEY = "sandbox-demo-key"
SANDBOX_NAME = "Sandbox"
SANDBOX_PROVIDER = "coralogix"


def prepare() -> None:
    """Bring database and static files up to date."""
    call_command("migrate", interactive=False, verbosity=0)
    if is_stale(Path(settings.STATIC_ROOT), map(Path, settings.STATICFILES_DIRS)):
        call_command("collectstatic", interactive=False, verbosity=0)


def is_stale(collected: Path, sources: Iterator[Path]) -> bool:
    """Whether a source is newer than what was collected, or nothing was."""
    manifest = collected / "staticfiles.json"
    if not manifest.is_file():
        return True
    made = manifest.stat().st_mtime
    files = (path for source in sources for path in source.rglob("*"))
    return any(path.stat().st_mtime > made for path in files)


def local_user() -> User:
    """The person this installation belongs to: made on the first start, without a password."""
    people = User.objects.filter(is_active=True).order_by("date_joined")
    owner = people.filter(email=OWNER).first() or people.first()
    return owner or User.objects.create_superuser(OWNER, name="You")


def sign_in_url(user: User, host: str, port: int) -> str:
    """A link that signs ``user`` in once."""
    path = reverse("sign_in_link", args=[issue_sign_in_link(user)])
    return f"http://{host}:{port}{path}"


def sandbox_connection(user: User, port: int) -> None:
    """A connection to the sandbox for somebody who has none; a moved sandbox is followed."""
    mine = Connection.objects.filter(owner=user)
    known = mine.filter(
        key_fingerprint=fingerprint(SANDBOX_KEY), origin__startswith="http://127.0.0.1:"
    ).first()
    if known is None and mine.exists():
        return
    origin = f"http://127.0.0.1:{port}"
    connection = known or Connection(
        owner=user, name=SANDBOX_NAME, provider=SANDBOX_PROVIDER
    )
    if connection.origin == origin:
        return
    connection.origin = origin
    connection.options = {"region": "custom", "endpoint": origin}
    # The seal is bound to the origin.
    connection.set_key(SANDBOX_KEY)
    connection.save()
