"""The user's own pages: sign-in and sign-out, password, profile, theme."""

from __future__ import annotations

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from queries.accounts import services as account_services
from queries.forms.accounts import (
    AccountForm,
    FirstPasswordForm,
    JoinForm,
    SignInForm,
    time_zone_names,
)
from queries.models import Invitation, User
from queries.shortcuts import AuthedRequest, safe_next_url

THEME_DAYS = 365
login = LoginView.as_view(
    authentication_form=SignInForm, redirect_authenticated_user=True
)


@require_POST
def logout(request: AuthedRequest) -> HttpResponse:
    """Sign out, and clear what the browser stored of our pages."""
    auth.logout(request)
    response = redirect(settings.LOGOUT_REDIRECT_URL)
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password_change(request: AuthedRequest) -> HttpResponse:
    """Change the password, or set a first one for a user who signed in by a link."""
    kind = (
        PasswordChangeForm if request.user.has_usable_password() else FirstPasswordForm
    )
    form = kind(request.user, request.POST or None)
    if not form.is_valid():
        return _page(request, "registration/password_change.html", form)
    form.save()
    account_services.keep_current_session(request, request.user)
    messages.success(
        request, "Your password was changed. Other sessions were signed out."
    )
    return redirect("account")


@require_http_methods(["GET", "POST"])
def account(request: AuthedRequest) -> HttpResponse:
    """Change name, time zone and theme."""
    theme = request.COOKIES.get("theme", account_services.THEMES[0])
    # Not request.user itself: the page would show what was typed as if it were saved.
    person = User.objects.get(pk=request.user.pk)
    form = AccountForm(request.POST or None, instance=person, initial={"theme": theme})
    if not form.is_valid():
        return _page(request, "queries/account.html", form, zones=time_zone_names())
    form.save()
    messages.success(request, "Saved.")
    response = redirect("account")
    _remember_theme(response, form.cleaned_data["theme"])
    return response


@login_not_required
@require_POST
def theme_set(request: HttpRequest) -> HttpResponse:
    """Set the theme to light, dark or system, and return to the page."""
    theme = request.POST.get("theme")
    if theme not in account_services.THEMES:
        return HttpResponseBadRequest("Not a theme.")
    response = redirect(safe_next_url(request))
    _remember_theme(response, theme)
    return response


@login_not_required
@require_GET
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in with a one-time link. A browser that only prefetches does not use it up."""
    purpose = request.headers.get("Sec-Purpose") or request.headers.get("Purpose", "")
    if "prefetch" in purpose or "preview" in purpose:
        return HttpResponse(status=204)
    if account_services.sign_in_with_link(request, token) is None:
        return render(request, "registration/sign_in_link.html", status=410)
    return redirect(settings.LOGIN_REDIRECT_URL)


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Join a team with a new account, or with the invited one."""
    invitation = account_services.get_open_invitation(token)
    if invitation is None:
        return render(request, "queries/invitation_accept.html", status=410)
    if User.objects.filter(email=invitation.email).exists():
        return _join_as_somebody(request, invitation, token)
    form = JoinForm(request.POST or None, email=invitation.email)
    if not form.is_valid():
        return _page(
            request, "queries/invitation_accept.html", form, invitation=invitation
        )
    try:
        user = account_services.accept_as_new_user(token, **form.cleaned_data)
    except account_services.AccountExistsError:
        user = None
    if user is None:  # accepted meanwhile: show the present state
        return redirect(request.path)
    account_services.start_session(request, user)
    return redirect("team_detail", invitation.team.pk)


def _join_as_somebody(
    request: HttpRequest, invitation: Invitation, token: str
) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    theirs = user is not None and user.email == invitation.email
    if (
        user
        and request.method == "POST"
        and account_services.accept_as_existing_user(user, token)
    ):
        messages.success(request, f"You joined {invitation.team}.")
        return redirect("team_detail", invitation.team.pk)
    context = {"invitation": invitation, "has_account": True, "theirs": theirs}
    return render(request, "queries/invitation_accept.html", context)


def _remember_theme(response: HttpResponse, theme: str) -> None:
    response.set_cookie(
        "theme",
        theme,
        max_age=THEME_DAYS * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _page(
    request: HttpRequest, template: str, form: object, **context: object
) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    return render(request, template, {"form": form, **context}, status=status)
