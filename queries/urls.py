"""Every URL of the product. A view, its URL name, its template and its test share one name."""

from __future__ import annotations

from django.urls import path

from queries.views import (
    accounts,
    connections,
    exports,
    health,
    remote_jobs,
    runs,
    saved_queries,
    teams,
)
from queries.views.explore import panels, row
from queries.views.refine import page

urlpatterns = [
    path("", runs.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    # People
    path("accounts/login/", accounts.login, name="login"),
    path("accounts/logout/", accounts.logout, name="logout"),
    path("accounts/password/", accounts.password_change, name="password_change"),
    path("accounts/", accounts.account, name="account"),
    path("accounts/theme/", accounts.theme_set, name="theme_set"),
    path("accounts/link/<str:token>/", accounts.sign_in_link, name="sign_in_link"),
    path(
        "accounts/join/<str:token>/",
        accounts.invitation_accept,
        name="invitation_accept",
    ),
    path("teams/", teams.team_list, name="team_list"),
    path("teams/<uuid:pk>/", teams.team_detail, name="team_detail"),
    path("teams/<uuid:pk>/delete/", teams.team_delete, name="team_delete"),
    path("teams/<uuid:pk>/members/", teams.member_add, name="member_add"),
    path(
        "teams/<uuid:pk>/members/<int:member>/",
        teams.member_change,
        name="member_change",
    ),
    path(
        "teams/<uuid:pk>/members/<int:member>/remove/",
        teams.member_remove,
        name="member_remove",
    ),
    path(
        "teams/<uuid:pk>/invitations/<int:invitation>/revoke/",
        teams.invitation_revoke,
        name="invitation_revoke",
    ),
    # Connections
    path("connections/", connections.connection_list, name="connection_list"),
    path("connections/new/", connections.connection_new, name="connection_new"),
    path(
        "connections/<uuid:pk>/",
        connections.connection_detail,
        name="connection_detail",
    ),
    path(
        "connections/<uuid:pk>/test/",
        connections.connection_test,
        name="connection_test",
    ),
    path(
        "connections/<uuid:pk>/delete/",
        connections.connection_delete,
        name="connection_delete",
    ),
    path(
        "connections/<uuid:pk>/jobs/",
        remote_jobs.connection_jobs,
        name="connection_jobs",
    ),
    path(
        "connections/<uuid:pk>/catalog/<slug:kind>/",
        remote_jobs.connection_catalog,
        name="connection_catalog",
    ),
    path("connections/<uuid:pk>/adopt/", remote_jobs.run_import, name="run_import"),
    path(
        "connections/<uuid:pk>/cancel-all/",
        remote_jobs.connection_cancel_all,
        name="connection_cancel_all",
    ),
    # Saved queries
    path("saved-queries/", saved_queries.saved_query_list, name="saved_query_list"),
    path("saved-queries/new/", saved_queries.saved_query_new, name="saved_query_new"),
    path(
        "saved-queries/<uuid:pk>/",
        saved_queries.saved_query_detail,
        name="saved_query_detail",
    ),
    path(
        "saved-queries/<uuid:pk>/edit/",
        saved_queries.saved_query_edit,
        name="saved_query_edit",
    ),
    path(
        "saved-queries/<uuid:pk>/copy/",
        saved_queries.saved_query_duplicate,
        name="saved_query_duplicate",
    ),
    path(
        "saved-queries/<uuid:pk>/delete/",
        saved_queries.saved_query_delete,
        name="saved_query_delete",
    ),
    path(
        "saved-queries/<uuid:pk>/favourite/",
        saved_queries.saved_query_favourite,
        name="saved_query_favourite",
    ),
    path(
        "saved-queries/<uuid:pk>/layout/",
        saved_queries.saved_query_layout,
        name="saved_query_layout",
    ),
    path(
        "saved-queries/<uuid:pk>/run/",
        saved_queries.saved_query_run,
        name="saved_query_run",
    ),
    # Runs
    path("runs/", runs.run_list, name="run_list"),
    path("runs/new/", runs.run_new, name="run_new"),
    path("runs/preview/", runs.run_preview, name="run_preview"),
    path("runs/cancel-all/", runs.run_cancel_all, name="run_cancel_all"),
    path("runs/<uuid:pk>/", runs.run_detail, name="run_detail"),
    path("runs/<uuid:pk>/status/", runs.run_status, name="run_status"),
    path("runs/<uuid:pk>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<uuid:pk>/again/", runs.run_rerun, name="run_rerun"),
    path("runs/<uuid:pk>/share/", runs.run_share, name="run_share"),
    path("runs/<uuid:pk>/delete-rows/", runs.run_delete_rows, name="run_delete_rows"),
    path("runs/<uuid:pk>/delete/", runs.run_delete, name="run_delete"),
    path("runs/<uuid:pk>/refine/", page.run_refine, name="run_refine"),
    path("runs/<uuid:pk>/results/", row.run_results, name="run_results"),
    path("runs/<uuid:pk>/rows/<int:n>/", row.run_row, name="run_row"),
    path("runs/<uuid:pk>/columns/", panels.run_columns, name="run_columns"),
    path("runs/<uuid:pk>/column/", panels.run_column, name="run_column"),
    path("runs/<uuid:pk>/condition/", panels.run_condition, name="run_condition"),
    path("runs/<uuid:pk>/timeline/", panels.run_timeline, name="run_timeline"),
    path("runs/<uuid:pk>/chart/", panels.run_chart, name="run_chart"),
    path("runs/<uuid:pk>/logs/", remote_jobs.run_logs, name="run_logs"),
    path(
        "runs/<uuid:pk>/delete-remote/",
        remote_jobs.run_delete_remote,
        name="run_delete_remote",
    ),
    path(
        "runs/<uuid:pk>/provider-file/",
        remote_jobs.run_provider_file,
        name="run_provider_file",
    ),
    # Exports
    path("runs/<uuid:pk>/exports/", exports.run_export, name="run_export"),
    path("runs/<uuid:pk>/download/", exports.run_download, name="run_download"),
    path(
        "runs/<uuid:pk>/exports/estimate/",
        exports.run_export_estimate,
        name="run_export_estimate",
    ),
    path("exports/", exports.export_list, name="export_list"),
    path("exports/<uuid:pk>/", exports.export_detail, name="export_detail"),
    path(
        "exports/<uuid:pk>/download/", exports.export_download, name="export_download"
    ),
    path(
        "exports/<uuid:pk>/manifest/", exports.export_manifest, name="export_manifest"
    ),
    path("exports/<uuid:pk>/cancel/", exports.export_cancel, name="export_cancel"),
    path("exports/<uuid:pk>/delete/", exports.export_delete, name="export_delete"),
]
