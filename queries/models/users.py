"""Users with e-mail sign-in, and one-time links that sign in without a password."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    """Creates users; e-mail addresses are compared without case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the address in lower case: two accounts must not differ by case alone."""
        return (email or "").strip().lower()

    def create_user(
        self, email: str, password: str | None = None, **extra: Any
    ) -> User:
        """Create a user; without a password only a link can sign in."""
        user = self.model(email=self.normalize_email(email), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **extra: Any
    ) -> User:
        """Create a user who may manage every account (``createsuperuser``)."""
        return self.create_user(email, password, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user for a sign-in, whatever case the address is typed in."""
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """A user. ``time_zone`` is an IANA name; empty means the browser's."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Keep the stored address in lower case."""
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)


def token_digest(token: str) -> str:
    """Return what is stored of a one-time token: its SHA-256, so that database access does not sign in."""
    return hashlib.sha256(token.encode()).hexdigest()


class OneTimeToken(models.Model):
    """A link that works once and for a short time. Only its digest is stored."""

    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def issue(self, lifetime: timedelta) -> str:
        """Save the row under a fresh token and return the token, which is stored nowhere else."""
        token = secrets.token_urlsafe(32)
        self.digest = token_digest(token)
        self.expires_at = timezone.now() + lifetime
        self.save()
        return token

    @classmethod
    def live(cls, token: str) -> models.QuerySet[Self]:
        """Return the row of ``token`` as a queryset, empty if it was used or has expired."""
        return cls._default_manager.filter(
            digest=token_digest(token), used_at=None, expires_at__gt=timezone.now()
        )

    @classmethod
    def redeem(cls, token: str) -> Self | None:
        """Mark the row used and return it; None if unknown, used or expired. Atomic."""
        if not cls.live(token).update(used_at=timezone.now()):
            return None
        return cls._default_manager.get(digest=token_digest(token))


class SignInLink(OneTimeToken):
    """The link ``manage.py up`` prints: signs the local user in once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"sign-in link for {self.user}"
