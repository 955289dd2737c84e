# syntax=docker/dockerfile:1

# The base is Python 3.13.14, by digest; see docker-compose.yml for how to take a newer one.
# Stage 1 builds the environment; pip, sources and caches stay behind in it.
FROM python:3.13-slim@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91 AS build
WORKDIR /src
RUN python -m venv /opt/signoff
COPY . .
RUN /opt/signoff/bin/pip install --no-cache-dir --constraint constraints.txt ".[web,oidc,insight]"

# Stage 2 is what runs: Python, the environment and a user without rights.
FROM python:3.13-slim@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent signoff
COPY --from=build /opt/signoff /opt/signoff
ENV PATH="/opt/signoff/bin:$PATH" \
    PYTHONUNBUFFERED=1
USER signoff
ENTRYPOINT ["signoff"]
CMD ["--help"]
