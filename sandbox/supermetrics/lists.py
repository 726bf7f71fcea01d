"""The addresses of the lists to pick from, and of who one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.supermetrics.access import Access
from sandbox.supermetrics.endpoints import QueryEndpoints
from sandbox.supermetrics.errors import ApiError, new_request_id
from sandbox.supermetrics.parameters import bad_request, split_list
from sandbox.supermetrics.sources import SOURCES, DataSource
from sandbox.web import Request, Response, json_response

TEAM_ID = "1"
_MAX_ACCOUNTS = 1_000
_LOGINS = {f"login_{source.id.lower()}": source for source in SOURCES.values()}


class ListEndpoints:
    """Answers for one sandbox."""

    def __init__(self, queries: QueryEndpoints, access: Access) -> None:
        self._desk = queries
        self._access = access

    def me(self, request: Request) -> Response:
        """Who the key belongs to. Assumption: nothing is published about the body."""
        self._desk.authenticate(request)
        return _data({"@type": "user", "user_id": "1", "email": "demo@sandbox.example"})

    def search(self, request: Request) -> Response:
        """All data sources; needs no key."""
        keyword = request.query_params.get("filter[keyword]", [""])[0].lower()
        found = [_about(s) for s in SOURCES.values() if keyword in s.name.lower()]
        return _data({"list": found})

    def source(self, request: Request) -> Response:
        """What a data source asks for."""
        self._desk.authenticate(request)
        source = SOURCES.get(request.path_params.get("ds_id", "").upper())
        if request.path_params.get("team_id") != TEAM_ID or source is None:
            raise ApiError(404, "NOT_FOUND", "There is no such team or data source")
        reports = [
            {"id": id_, "label": label, "settings": []}
            for id_, label in source.report_types.items()
        ]
        more = {
            "has_account_list": True,
            "has_fields": True,
            "has_segments": bool(source.segments),
            "has_report_type_selection": bool(reports),
            "is_date_range_required": source.relation == "marketing",
            "report_types": reports,
            "common_settings": [],
        }
        return _data(_about(source) | more)

    def accounts(self, request: Request) -> Response:
        """The accounts of a data source, by login."""
        source = self._listed(request)
        accounts = [_account(source, place) for place in range(len(source.accounts))]
        return _data(
            [_login_of(source) | {"accounts": accounts}], query={"cache_minutes": None}
        )

    def fields(self, request: Request) -> Response:
        """The fields of a data source."""
        parameters, _ = self._desk.authenticate(request)
        found = [
            {
                "@type": "ds_metric" if one.kind == "met" else "ds_dimension",
                "field_id": one.id,
                "field_name": one.name,
                "field_type": one.kind,
                "data_type": one.data_type,
                "description": "",
                "group_name": one.group,
                "is_filterable": True,
                "is_non_aggregatable": False,
            }
            for one in _source(parameters).fields
        ]
        return _data(found)

    def segments(self, request: Request) -> Response:
        """The segments of a data source, by login."""
        source = self._listed(request)
        found = [
            {"segment_id": id_, "segment_name": name}
            for id_, (name, _) in source.segments.items()
        ]
        return _data(
            [_login_of(source) | {"segments": found}], query={"cache_minutes": None}
        )

    def logins(self, request: Request) -> Response:
        """The logins of the team."""
        self._permitted(request)
        return _data([_login(id_, source) for id_, source in _LOGINS.items()])

    def login(self, request: Request) -> Response:
        """One login."""
        self._permitted(request)
        return _data(_login(*self._found(request)))

    def login_accounts(self, request: Request) -> Response:
        """The accounts of a login, by offset and limit."""
        parameters = self._permitted(request)
        source = self._found(request)[1]
        first = parameters.get("offset", 0)
        last = first + min(parameters.get("limit", _MAX_ACCOUNTS), _MAX_ACCOUNTS)
        places = range(len(source.accounts))[first:last]
        return _data([_account(source, place) for place in places])

    def _found(self, request: Request) -> tuple[str, DataSource]:
        name = request.path_params.get("login_id", "")
        if name not in _LOGINS:
            raise ApiError(404, "NOT_FOUND", "There is no such login")
        return name, _LOGINS[name]

    def _permitted(self, request: Request) -> dict[str, Any]:
        parameters, _ = self._desk.authenticate(request)
        self._access.require_lists(request, str(parameters.get("api_key", "")))
        return parameters

    def _listed(self, request: Request) -> DataSource:
        parameters = self._permitted(request)
        source = _source(parameters)
        users = [user.lower() for user in split_list(parameters.get("ds_users"))]
        if users and source.login not in users:
            raise ApiError(403, "QUERY_AUTH_UNAVAILABLE", "No login of these users")
        return source


def _source(parameters: Mapping[str, Any]) -> DataSource:
    found = SOURCES.get(str(parameters.get("ds_id", "")).upper())
    if found is None:
        raise bad_request("ds_id is required, and must be the id of a data source")
    return found


def _data(data: Any, **meta: Any) -> Response:
    return json_response(
        200, {"meta": {"request_id": new_request_id(), **meta}, "data": data}
    )


def _about(source: DataSource) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "marketing_name": source.name,
        "description": "",
        "status": "released",
        "is_premium": False,
        "logo_url": None,
        "categories": [source.category],
        "tags": [],
        "products": ["API"],
    }


def _account(source: DataSource, place: int) -> dict[str, str]:
    account = source.accounts[place]
    return {
        "account_id": account.id,
        "account_name": account.name,
        "group_name": account.group,
    }


def _login_of(source: DataSource) -> dict[str, Any]:
    return {
        "ds_user": source.login,
        "display_name": f"{source.login} ({source.name})",
        "cache_time": None,
    }


def _login(login_id: str, source: DataSource) -> dict[str, Any]:
    return {
        "@type": "ds_login",
        "login_id": login_id,
        "username": source.login,
        "display_name": f"{source.login} ({source.name})",
        "ds_info": {"ds_id": source.id, "name": source.name},
        "auth_time": "2026-01-01T00:00:00+00:00",
        "expiry_time": None,
        "revoked_time": None,
        "is_refreshable": True,
        "is_shared": True,
    }
