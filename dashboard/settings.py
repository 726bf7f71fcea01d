"""Django settings. Everything that may differ between installations is in dashboard.env."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from dashboard import __version__, env
from dashboard.log import logging_config

BASE_DIR = env.BASE_DIR
DEBUG = env.boolean("QUERYDECK_DEBUG", default=False)
HTTPS = env.boolean("QUERYDECK_HTTPS", default=not DEBUG)
SECRET_KEY = env.secret_key()
FIELD_KEYS = env.field_keys()
ALLOWED_HOSTS = env.allowed_hosts(debug=DEBUG)
UPSTREAM_HOSTS = env.upstream_hosts()
DATA_DIR = Path(
    env.string_list("QUERYDECK_DATA_DIR")[0]
    if env.string_list("QUERYDECK_DATA_DIR")
    else BASE_DIR / "var" / "data"
).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
PROXY_COUNT = env.integer("QUERYDECK_PROXY_COUNT", default=0, maximum=10)
DIRECT_RUNS = env.integer("QUERYDECK_DIRECT_RUNS", default=8, minimum=1, maximum=64)
RESULT_THREADS = env.integer(
    "QUERYDECK_RESULT_THREADS", default=3, minimum=1, maximum=64
)
DIRECT_SECONDS = 60 * env.integer(
    "QUERYDECK_DIRECT_MINUTES", default=10, minimum=1, maximum=60
)
REFINES = env.integer("QUERYDECK_REFINES", default=2, minimum=1, maximum=64)
# Less than the minimum age of an orphan directory: a refine works in one.
REFINE_SECONDS = env.integer(
    "QUERYDECK_REFINE_SECONDS", default=120, maximum=600, minimum=1
)
REFINE_BYTES = 1_000_000 * env.integer(
    "QUERYDECK_REFINE_MEGABYTES", default=1_000, minimum=200, maximum=100_000
)
BACKGROUND_SECONDS = 3600 * env.integer(
    "QUERYDECK_BACKGROUND_HOURS", default=24, minimum=1, maximum=720
)
MAX_ROWS = env.integer(
    "QUERYDECK_MAX_ROWS", default=10_000_000, minimum=1, maximum=100_000_000
)
MAX_BYTES = 1_000_000 * env.integer(
    "QUERYDECK_MAX_MEGABYTES", default=20_000, minimum=1, maximum=1_000_000
)
RESULT_BYTES = 1_000_000 * env.integer(
    "QUERYDECK_RESULT_MEGABYTES", default=100_000, minimum=1, maximum=100_000_000
)
RESULT_DAYS = env.integer("QUERYDECK_RESULT_DAYS", default=30, minimum=1, maximum=3650)
VERSION = __version__
EXPORT_USER_BYTES = 1_000_000 * env.integer(
    "QUERYDECK_EXPORT_USER_MEGABYTES", default=5_000, minimum=1, maximum=10_000_000
)
EXPORT_BYTES = 1_000_000 * env.integer(
    "QUERYDECK_EXPORT_MEGABYTES", default=20_000, minimum=1, maximum=10_000_000
)
DOWNLOADS = env.integer("QUERYDECK_DOWNLOADS", default=2, maximum=7)
DOWNLOAD_SECONDS = 60 * env.integer(
    "QUERYDECK_DOWNLOAD_MINUTES", default=30, minimum=1, maximum=1440
)
EXPORT_HOURS = env.integer(
    "QUERYDECK_EXPORT_HOURS", default=72, minimum=1, maximum=8760
)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "template_partials",
    "django_q",
    "axes",
    "csp",
    "queries",
]

MIDDLEWARE = [
    "queries.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "queries.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "queries.middleware.HtmxLoginMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "queries.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "queries.shortcuts.page_context",
            ],
            "builtins": ["queries.templatetags.querydeck"],
        },
    },
]

DATABASES = {"default": env.database(DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CLUSTER = env.cluster()
Q_CLUSTER = CLUSTER.as_dict()
CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "q_stats": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "q_stats",
    },
}
if CLUSTER.redis_url:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CLUSTER.redis_url,
        "KEY_PREFIX": "querydeck",
    }

AUTH_USER_MODEL = "queries.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "run_new"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in [
        ("UserAttributeSimilarityValidator", {"user_attributes": ["email", "name"]}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
    ]
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "queries.accounts.services.axes_username"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_CLIENT_IP_CALLABLE = "queries.shortcuts.client_ip"

SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 7 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS
# The container's own health check speaks plain http on the inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "dashboard.log.RedactingReporterFilter"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.StaticFilesStorage"},
}

LOGGING = logging_config(
    level=env.choice(
        "QUERYDECK_LOG_LEVEL", "info", "debug", "warning", "error"
    ).upper(),
    json=not DEBUG,
)
