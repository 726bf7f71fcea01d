# One image for web, worker and migrate. Build: docker build -t querydeck .
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
RUN /opt/venv/bin/pip install --require-hashes --no-deps --requirement /tmp/base.txt \
 && /opt/venv/bin/pip check

FROM python:3.12-slim-bookworm
ENV PATH="/opt/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 QUERYDECK_DATA_DIR=/data
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin querydeck \
 && install -d -o querydeck -g querydeck /data
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py pyproject.toml ./
COPY dashboard ./dashboard
COPY dataprime ./dataprime
COPY queries ./queries
# Not needed to serve; here so that `manage.py sandbox` starts from the image too.
COPY sandbox ./sandbox
COPY templates ./templates
COPY static ./static
# Collecting needs settings, not secrets: these two are generated for this step and forgotten.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    QUERYDECK_FIELD_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    python manage.py collectstatic --noinput
USER querydeck
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:8000/healthz', headers={'Host': 'localhost'}), timeout=4)"]
CMD ["python", "manage.py", "up", "--only", "web", "--host", "0.0.0.0", "--port", "8000"]
