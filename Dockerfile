# syntax=docker/dockerfile:1

# Stage 1 builds the environment; pip, sources and caches stay behind in it.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/signoff
COPY . .
RUN /opt/signoff/bin/pip install --no-cache-dir --constraint constraints.txt ".[worker]"

# Stage 2 is what runs: Python, the environment and a user without rights.
FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent signoff
COPY --from=build /opt/signoff /opt/signoff
ENV PATH="/opt/signoff/bin:$PATH" \
    PYTHONUNBUFFERED=1
USER signoff
ENTRYPOINT ["signoff"]
CMD ["--help"]
