"""Teams: members, roles, invitations."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from queries.accounts import teams
from queries.forms.teams import MemberForm, RoleForm, TeamForm
from queries.models import Membership, Role, Team
from queries.shortcuts import AuthedRequest, get_visible_or_404

LAST_ADMIN_MESSAGE = (
    "A team needs an admin. Make another member admin first, or delete the team."
)


@require_http_methods(["GET", "POST"])
def team_list(request: AuthedRequest) -> HttpResponse:
    """List the user's teams, and create one."""
    form = TeamForm(request.POST or None)
    if form.is_valid():
        team = teams.create_team(request.user, form.cleaned_data["name"])
        messages.success(request, f"{team} was created. Add its members.")
        return redirect("team_detail", team.pk)
    mine = request.user.memberships.select_related("team").order_by("team__name")
    mine = mine.annotate(size=Count("team__memberships"))
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "memberships": mine}
    return render(request, "queries/team_list.html", context, status=status)


@require_http_methods(["GET", "POST"])
def team_detail(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Show members, open invitations, and for admins the team's name."""
    if request.method == "GET":
        return _detail(
            request, get_visible_or_404(Team.objects.visible_to(request.user), pk)
        )
    team = _administered(request, pk)
    form = TeamForm(request.POST, instance=team)
    if not form.is_valid():
        team.refresh_from_db()
        return _detail(request, team, status=422, name_form=form)
    form.save()
    messages.success(request, "Saved.")
    return redirect("team_detail", team.pk)


@require_http_methods(["GET", "POST"])
def team_delete(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Show what deleting the team means, then delete it."""
    team = _administered(request, pk)
    if request.method == "GET":
        context = {"team": team, "shared": teams.shared_counts(team)}
        return render(request, "queries/team_delete.html", context)
    teams.delete_team(team)
    messages.success(request, f"{team} was deleted.")
    return redirect("team_list")


@require_POST
def member_add(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Add a member by address. An invitation's link is in this response and stored nowhere."""
    team = _administered(request, pk)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _detail(request, team, status=422, member_form=form)
    added = teams.add_member(team, **form.cleaned_data, invited_by=request.user)
    if added.membership:
        messages.success(request, f"{added.membership.user} is a member of {team}.")
        return redirect("team_detail", team.pk)
    path = reverse("invitation_accept", args=[added.token])
    link = request.build_absolute_uri(path)
    return _detail(request, team, invited=added.email, link=link)


@require_POST
def member_change(request: AuthedRequest, pk: Any, member: int) -> HttpResponse:
    """Change a member's role."""
    membership = _member(_administered(request, pk), member)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _detail(request, membership.team, status=422)
    try:
        teams.change_role(membership, form.cleaned_data["role"])
    except teams.LastAdminError:
        messages.error(request, LAST_ADMIN_MESSAGE)
    else:
        messages.success(request, f"{membership.user} has another role now.")
    return redirect("team_detail", pk)


@require_POST
def member_remove(request: AuthedRequest, pk: Any, member: int) -> HttpResponse:
    """Remove a member, as admin, or leave the team."""
    team = get_visible_or_404(Team.objects.visible_to(request.user), pk)
    membership = _member(team, member)
    leaving = membership.user == request.user
    if not leaving and not _is_admin(request, team):
        raise PermissionDenied
    try:
        teams.remove_member(membership)
    except teams.LastAdminError:
        messages.error(request, LAST_ADMIN_MESSAGE)
        return redirect("team_detail", pk)
    who = "You are" if leaving else f"{membership.user} is"
    messages.success(request, f"{who} no longer a member of {team}.")
    return redirect("team_list") if leaving else redirect("team_detail", pk)


@require_POST
def invitation_revoke(request: AuthedRequest, pk: Any, invitation: int) -> HttpResponse:
    """Make an invitation's link worthless."""
    team = _administered(request, pk)
    get_object_or_404(team.invitations, pk=invitation).delete()
    messages.success(request, "The invitation was revoked.")
    return redirect("team_detail", pk)


def _administered(request: AuthedRequest, pk: Any) -> Team:
    return get_visible_or_404(
        Team.objects.visible_to(request.user),
        pk,
        allowed=Team.objects.administered_by(request.user),
    )


def _is_admin(request: AuthedRequest, team: Team) -> bool:
    return Team.objects.administered_by(request.user).filter(pk=team.pk).exists()


def _member(team: Team, pk: int) -> Membership:
    return get_object_or_404(team.memberships.select_related("user", "team"), pk=pk)


def _detail(
    request: AuthedRequest, team: Team, *, status: int = 200, **context: Any
) -> HttpResponse:
    is_admin = _is_admin(request, team)
    invitations = team.invitations.filter(
        used_at=None, expires_at__gt=timezone.now()
    ).select_related("invited_by")
    context = {
        "team": team,
        "is_admin": is_admin,
        "members": team.memberships.select_related("user"),
        "roles": Role.choices,
        "invitations": invitations if is_admin else (),
        "shared": teams.shared_counts(team),
        "name_form": TeamForm(instance=team),
        "member_form": MemberForm(),
        **context,
    }
    return render(request, "queries/team_detail.html", context, status=status)
