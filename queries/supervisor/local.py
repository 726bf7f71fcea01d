"""What the first start on a user's own machine needs: database, account, sandbox connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse

from queries.accounts.services import issue_sign_in_link
from queries.fields import fingerprint
from queries.models import Connection, User
from queries.providers.registry import provider_choices

OWNER_EMAIL = "owner@localhost"
# The key that the sandbox accepts; it protects only demo rows on this machine.
SANDBOX_KEY = "sandbox-demo-key"
SANDBOX_NAME = "Sandbox"
# The database behind the sandbox's Polytomic that the samples are for.
SANDBOX_WAREHOUSE_ID = "248df4b7-aa70-47b8-a036-33ac447e668d"
# What a connection to the sandbox needs, by provider; a new user starts with the first one.
SANDBOX_OPTIONS: dict[str, Callable[[str], dict[str, str]]] = {
    "coralogix": lambda origin: {"region": "custom", "endpoint": origin},
    "polytomic": lambda origin: {
        "endpoint": origin,
        "auth_kind": "bearer",
        "connection_id": SANDBOX_WAREHOUSE_ID,
    },
    "saf": lambda origin: {"address": origin, "auth": "bearer"},
    "supermetrics": lambda origin: {"base_url": f"{origin}/enterprise/v2"},
}


def prepare_installation() -> None:
    """Bring database and static files up to date."""
    call_command("migrate", interactive=False, verbosity=0)
    if is_stale(Path(settings.STATIC_ROOT), map(Path, settings.STATICFILES_DIRS)):
        call_command("collectstatic", interactive=False, verbosity=0)


def is_stale(collected: Path, sources: Iterator[Path]) -> bool:
    """Return whether a source is newer than what was collected, or nothing was."""
    manifest = collected / "staticfiles.json"
    if not manifest.is_file():
        return True
    made = manifest.stat().st_mtime
    files = (path for source in sources for path in source.rglob("*"))
    return any(path.stat().st_mtime > made for path in files)


def ensure_local_user() -> User:
    """Return the user of this installation, created on the first start without a password."""
    people = User.objects.filter(is_active=True).order_by("date_joined")
    owner = people.filter(email=OWNER_EMAIL).first() or people.first()
    return owner or User.objects.create_superuser(OWNER_EMAIL, name="You")


def create_sign_in_url(user: User, host: str, port: int) -> str:
    """Return a link that signs ``user`` in once."""
    path = reverse("sign_in_link", args=[issue_sign_in_link(user)])
    return f"http://{host}:{port}{path}"


def ensure_sandbox_connections(user: User, port: int) -> None:
    """Create a sandbox connection per provider for a user without any; update the address of a moved sandbox."""
    mine = Connection.objects.filter(owner=user)
    newcomer = not mine.exists()
    ours = mine.filter(
        key_fingerprint=fingerprint(SANDBOX_KEY), origin__startswith="http://127.0.0.1:"
    )
    for slug, label in provider_choices():
        known = ours.filter(provider=slug).first()
        if known is None and newcomer and slug in SANDBOX_OPTIONS:
            first = slug == next(iter(SANDBOX_OPTIONS))
            name = SANDBOX_NAME if first else f"{SANDBOX_NAME}: {label}"
            known = Connection(owner=user, name=name, provider=slug)
        if known is not None:
            _point(known, f"http://127.0.0.1:{port}")


def _point(connection: Connection, origin: str) -> None:
    """Set the address of a connection to the sandbox at ``origin``."""
    if connection.origin == origin:
        return
    connection.origin = origin
    connection.options = SANDBOX_OPTIONS[connection.provider](origin)
    # The seal is bound to the origin.
    connection.set_key(SANDBOX_KEY)
    connection.save()
