"""One of each thing, shared with a team, and the people who may or may not see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from queries.accounts.services import issue_sign_in_link
from queries.models import Export, Invitation, Role, Run, Status, Team, User
from tests.factories import (
    ConnectionFactory,
    ExportFactory,
    MembershipFactory,
    SavedQueryFactory,
    TeamFactory,
    UserFactory,
)
from tests.stored_results import log_rows, stored_run

ROLES = ("anonymous", "stranger", "viewer", "editor", "owner")


@dataclass
class SharedObjects:
    """``people`` by role (without "anonymous"), and what addresses are made of."""

    users: dict[str, User]
    team: Team
    invitation: Invitation
    tokens: dict[str, str]
    objects: dict[str, Any]

    @property
    def run(self) -> Run:
        return self.objects["run"]

    @property
    def export(self) -> Export:
        return self.objects["export"]

    def url_arguments(self, route: str) -> list[Any]:
        """The arguments of a route's address, for the shared thing it is about."""
        viewer = self.team.memberships.get(user=self.users["viewer"])
        special = {
            **{name: [token] for name, token in self.tokens.items()},
            "invitation_revoke": [self.team.pk, self.invitation.pk],
            "member_change": [self.team.pk, viewer.pk],
            "member_remove": [self.team.pk, viewer.pk],
            "run_row": [self.run.pk, 0],
            "connection_catalog": [self.run.connection_id, "connection"],
            "run_import": [self.run.connection_id],
            "connection_cancel_all": [self.run.connection_id],
        }
        if route in special:
            return special[route]
        if route.endswith(COLLECTION_SUFFIXES):
            return []
        return [
            thing.pk
            for family, thing in self.objects.items()
            if route.startswith(f"{family}_")
        ]


COLLECTION_SUFFIXES = ("_list", "_new", "_all", "_preview")


def make_shared_objects() -> SharedObjects:
    """A team of an owner (admin), an editor and a viewer, with all that can be shared."""
    people = {role: UserFactory(name=role.title()) for role in ROLES[1:]}
    team = TeamFactory(name="Shop")
    for role, rank in (
        ("owner", Role.ADMIN),
        ("editor", Role.EDITOR),
        ("viewer", Role.VIEWER),
    ):
        MembershipFactory(team=team, user=people[role], role=rank)
    owner = people["owner"]
    shared = {"owner": owner, "team": team}
    run = stored_run(log_rows(3), **shared, connection=ConnectionFactory(**shared))
    export = ExportFactory(run=run, owner=owner, status=Status.QUEUED)
    invitation = Invitation(team=team, email="new@example.com", invited_by=owner)
    tokens = {
        "invitation_accept": invitation.issue(timedelta(days=7)),
        "sign_in_link": issue_sign_in_link(owner),
    }
    things = {
        "team": team,
        "member": team,
        "connection": run.connection,
        "saved_query": SavedQueryFactory(**shared),
        "run": run,
        "export": export,
    }
    return SharedObjects(people, team, invitation, tokens, things)


def finish_export(world: SharedObjects, data_dir: Any) -> None:
    """Make the export a file that can be downloaded."""
    export = world.export
    place = data_dir / "exports" / str(export.pk)
    place.mkdir(parents=True)
    (place / export.file_name).write_bytes(b"a,b\n")
    export.report = {"manifest": {"file": {"name": export.file_name}}}
    export.status, export.finished_at = Status.SUCCEEDED, timezone.now()
    export.save()
