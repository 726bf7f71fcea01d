"""Sign-in, sessions, invitations, and the end of access."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from queries.models import Invitation, Membership, SignInLink, User

SIGN_IN_LINK_LIFETIME = timedelta(hours=1)
ATTEMPT_RETENTION = timedelta(days=30)
MAX_LOGIN_CHARACTERS = 254
THEMES = ("auto", "light", "dark")
BACKEND = "django.contrib.auth.backends.ModelBackend"


class AccountExistsError(Exception):
    """The invited address has an account already: the user joins by signing in."""


def normalize_login(typed: str | None) -> str:
    """Return the one spelling under which sign-in attempts are counted.

    Otherwise each way to write the same address (case, full-width letters) would have its own
    number of guesses.
    """
    folded = unicodedata.normalize("NFKC", typed or "")
    return User.objects.normalize_email(folded)[:MAX_LOGIN_CHARACTERS]


def axes_username(
    request: HttpRequest | None, credentials: Mapping[str, Any] | None
) -> str:
    """Return the name under which django-axes counts failures (``AXES_USERNAME_CALLABLE``)."""
    typed = (credentials or {}).get("username")
    if typed is None and request is not None:
        typed = request.POST.get("username")
    return normalize_login(typed)


@receiver(user_logged_in, dispatch_uid="querydeck.session_end")
def set_session_end(request: HttpRequest, **_kwargs: Any) -> None:
    """End a session a fixed time after sign-in, however active it is."""
    lifetime = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    request.session.set_expiry(timezone.now() + lifetime)


def issue_sign_in_link(user: User) -> str:
    """Return a token for one sign-in as ``user`` (see the URL ``sign_in_link``), valid one hour."""
    return SignInLink(user=user).issue(SIGN_IN_LINK_LIFETIME)


def delete_expired() -> None:
    """Delete expired sessions and links, and old sign-in records. Cheap; may be repeated."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    SignInLink.objects.filter(expires_at__lt=now).delete()
    for kind in (AccessAttempt, AccessLog):
        kind.objects.filter(attempt_time__lt=now - ATTEMPT_RETENTION).delete()


def sign_in_with_link(request: HttpRequest, token: str) -> User | None:
    """Sign in the user of a link; return None if the link is unknown, used or expired."""
    link = SignInLink.redeem(token)
    if link is None or not link.user.is_active:
        return None
    start_session(request, link.user)
    return link.user


def start_session(request: HttpRequest, user: User) -> None:
    """Sign ``user`` in under a new session id."""
    login(request, user, backend=BACKEND)


def keep_current_session(request: HttpRequest, user: User) -> None:
    """Keep this session after a password change; all others of ``user`` end."""
    update_session_auth_hash(request, user)


def get_open_invitation(token: str) -> Invitation | None:
    """Return the invitation if it can still be accepted."""
    return Invitation.live(token).select_related("team").first()


def accept_as_new_user(token: str, *, name: str, password: str) -> User | None:
    """Create the invited account as a member of the team.

    Returns None if the invitation is gone; raises AccountExistsError if the account was created meanwhile.
    """
    try:
        with transaction.atomic():
            invitation = Invitation.redeem(token)
            if invitation is None:
                return None
            user = User.objects.create_user(invitation.email, password, name=name)
            _join(user, invitation)
    except IntegrityError:
        raise AccountExistsError from None
    return user


def accept_as_existing_user(user: User, token: str) -> bool:
    """Join the team with an existing account; return False if the invitation is gone or for another address."""
    with transaction.atomic():
        invitation = get_open_invitation(token)
        theirs = invitation and invitation.email == user.email
        if not invitation or not theirs or not Invitation.redeem(token):
            return False
        _join(user, invitation)
    return True


def _join(user: User, invitation: Invitation) -> None:
    Membership.objects.get_or_create(
        team=invitation.team, user=user, defaults={"role": invitation.role}
    )
